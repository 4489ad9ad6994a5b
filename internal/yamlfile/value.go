package yamlfile

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Check returns what is wrong with a value, as it follows the value in a
// sentence ("is no appid"), and "" if nothing is.
type Check func(string) string

// NotEmpty is the Check of a value that must have a character.
func NotEmpty(s string) string {
	if s == "" {
		return "is empty"
	}
	return ""
}

// Text reads a string that may be shown. check may be nil. A value with a
// fault is not kept, so that no later check stumbles over it.
func Text(target *string, check Check) Read {
	return func(n Node) {
		if n.isText(check) {
			*target = n.tree.Value
		}
	}
}

// Secret reads a string that no fault shows. check may be nil.
func Secret(target *string, check Check) Read {
	return func(n Node) {
		if !n.isString(true) {
			return
		}
		if check != nil {
			if wrong := check(n.tree.Value); wrong != "" {
				n.Report("%s %s", n.name, wrong)
				return
			}
		}
		*target = n.tree.Value
	}
}

// Texts reads a list of strings that may be shown. check may be nil.
func Texts(target *[]string, check Check) Read {
	return func(n Node) {
		n.Items(func(item Node) {
			if item.isText(check) {
				*target = append(*target, item.tree.Value)
			}
		})
	}
}

// Bool reads true or false. The target stays nil where neither stands.
func Bool(target **bool) Read {
	return func(n Node) {
		switch {
		case isReported(n.tree):
		case n.tree.Kind != yaml.ScalarNode || n.tree.ShortTag() != "!!bool":
			n.Report("%s must be true or false, without quotes; this is %s", n.name, shownNode(n.tree))
		default:
			*target = new(strings.EqualFold(n.tree.Value, "true"))
		}
	}
}

// Number returns the value if it is a whole number from least to most, in
// decimal digits only: YAML reads 010 as 8 in one version and as 10 in another.
// what is the number in the faults, "a permission set".
func (n Node) Number(what string, least, most int) (int, bool) {
	if isReported(n.tree) {
		return 0, false
	}
	text := n.tree.Value
	plain := n.tree.Kind == yaml.ScalarNode && n.tree.ShortTag() == "!!int" &&
		strings.Trim(text, "0123456789") == "" && !strings.HasPrefix(text, "0")
	value, err := strconv.Atoi(text)
	if !plain || err != nil || value < least || value > most {
		n.Report("%s must be a whole number from %d to %d in plain decimal digits; this is %s", what, least, most, shownNode(n.tree))
		return 0, false
	}
	return value, true
}

// isText reports whether n is a string whose characters can all be seen, and
// which check accepts.
func (n Node) isText(check Check) bool {
	if !n.isString(false) {
		return false
	}
	if strings.ContainsFunc(n.tree.Value, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		n.Report("%s holds a character that cannot be seen, such as a line break or a zero-width space", n.name)
		return false
	}
	if check == nil {
		return true
	}
	wrong := check(n.tree.Value)
	if wrong != "" {
		n.Report("%s %s %s", n.name, shown(n.tree.Value), wrong)
	}
	return wrong == ""
}

// isString reports whether n is a string and nothing that only looks like one.
// hidden: its value is not to be shown.
func (n Node) isString(hidden bool) bool {
	switch {
	case isReported(n.tree):
	case n.tree.Kind != yaml.ScalarNode:
		n.Report("%s must be a string; this is %s", n.name, kind(n.tree))
	case isNull(n.tree) && n.tree.Value == "":
		n.Report("%s has no value", n.name)
	case n.tree.ShortTag() == "!!str" && !isAmbiguous(n.tree):
		return true
	case hidden:
		n.Report("%s must be a string, and YAML can read this as another type: write it in quotes", n.name)
	default:
		n.Report("%s must be a string, and YAML can read this as another type: write it in quotes, %s", n.name, shown(n.tree.Value))
	}
	return false
}

// booleans11 are strings in YAML 1.2 and booleans in YAML 1.1, which many
// readers still follow.
var booleans11 = []string{"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"}

// isAmbiguous reports whether n, without quotes, depends on the reader.
func isAmbiguous(n *yaml.Node) bool {
	return n.Style == 0 && slices.Contains(booleans11, n.Value)
}

// maxShown is how much of a value is shown: enough for every sound one.
const maxShown = 64

// shown returns a value on one line, without control characters.
func shown(value string) string {
	if runes := []rune(value); len(runes) > maxShown {
		return strconv.Quote(string(runes[:maxShown])) + "…"
	}
	return strconv.Quote(value)
}

// shownNode returns a value as it stands in the file, with quotes or without.
func shownNode(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return kind(n)
	}
	if n.Style == 0 {
		return strings.ReplaceAll(shown(n.Value), `"`, "")
	}
	return shown(n.Value)
}
