package world

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/internal/nearest"
)

// text reads a string that may be shown. check says what is wrong with a value, "" where nothing is; a value with a fault
// is not kept, so that no later check stumbles over it.
func (d *decoder) text(target *string, name string, check func(string) string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !d.isString(n, name, false) {
			return
		}
		if wrong := check(n.Value); wrong != "" {
			d.fault(n, "%s %s %s", name, shown(n.Value), wrong)
			return
		}
		*target = n.Value
	}
}

// secret reads a string that no fault shows.
func (d *decoder) secret(target *string, name string, check func(string) string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !d.isString(n, name, true) {
			return
		}
		if wrong := check(n.Value); wrong != "" {
			d.fault(n, "%s %s", name, wrong)
			return
		}
		*target = n.Value
	}
}

// account reads an appid that is used as what ("a platform", "a Mini Program") and must not be used as the other.
func (d *decoder) account(target *string, name, what string) func(*yaml.Node) {
	read := d.text(target, name, checkAppID)
	return func(n *yaml.Node) {
		read(n)
		if *target == "" {
			return
		}
		first, known := d.roles[*target]
		if !known {
			d.roles[*target] = mention{what, d.at(n)}
		} else if first.what != what {
			d.fault(n, "%s is %s here and %s on line %d", *target, what, first.what, first.line)
		}
	}
}

// texts reads a list of strings, of which only the type is checked.
func (d *decoder) texts(target *[]string, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.list(n, name, func(item *yaml.Node) {
			if d.isString(item, "an entry of "+name, false) {
				*target = append(*target, item.Value)
			}
		})
	}
}

func (d *decoder) boolean(target **bool, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if told(n) {
			return
		}
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			d.fault(n, "%s must be true or false, without quotes; this is %s", name, shownNode(n))
			return
		}
		value := strings.EqualFold(n.Value, "true")
		*target = &value
	}
}

// maxPermissionSet is far above any id that was seen (the highest have three digits).
const maxPermissionSet = 10_000

func (d *decoder) permissionSets(target *[]int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.fault(n, "permission_sets needs at least one id")
		}
		d.list(n, "permission_sets", func(item *yaml.Node) {
			var id int
			if !d.number(item, "a permission set", 1, maxPermissionSet, &id) {
				return
			}
			if slices.Contains(*target, id) {
				d.fault(item, "permission set %d is repeated", id)
				return
			}
			*target = append(*target, id)
		})
	}
}

func (d *decoder) number(n *yaml.Node, name string, least, most int, target *int) bool {
	if told(n) {
		return false
	}
	value, ok := plainNumber(n, least, most)
	if !ok {
		d.fault(n, "%s must be a whole number from %d to %d in plain decimal digits; this is %s", name, least, most, shownNode(n))
		return false
	}
	*target = value
	return true
}

// plainNumber takes decimal digits alone: YAML reads 010 as 8 in one version and as 10 in another.
func plainNumber(n *yaml.Node, least, most int) (int, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || strings.Trim(n.Value, "0123456789") != "" || strings.HasPrefix(n.Value, "0") {
		return 0, false
	}
	value, err := strconv.Atoi(n.Value)
	if err != nil || value < least || value > most {
		return 0, false
	}
	return value, true
}

// isString is whether n is a string and nothing that merely looks like one. hidden: its value is not to be shown.
func (d *decoder) isString(n *yaml.Node, name string, hidden bool) bool {
	switch {
	case told(n):
		return false
	case n.Kind != yaml.ScalarNode:
		d.fault(n, "%s must be a string; this is %s", name, kind(n))
	case n.ShortTag() == "!!null" && n.Value == "":
		d.fault(n, "%s has no value", name)
	case n.ShortTag() != "!!str" || ambiguous(n):
		quoted := ""
		if !hidden {
			quoted = ", " + shown(n.Value)
		}
		d.fault(n, "%s must be a string, and YAML can read this as another type: write it in quotes%s", name, quoted)
	case strings.ContainsFunc(n.Value, func(r rune) bool { return !unicode.IsGraphic(r) }):
		d.fault(n, "%s holds a character that cannot be seen, such as a line break or a zero-width space", name)
	default:
		return true
	}
	return false
}

// booleans11 are strings in YAML 1.2 and booleans in YAML 1.1, which many readers still follow.
var booleans11 = []string{"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"}

// ambiguous is whether n, without quotes, depends on the reader.
func ambiguous(n *yaml.Node) bool {
	return n.Style == 0 && slices.Contains(booleans11, n.Value)
}

// told is whether refuseIndirection has told what is wrong with n.
func told(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0
}

// unknown tells a member that what does not have, and which one may be meant.
func (d *decoder) unknown(key, value *yaml.Node, what string, fields []field) {
	if told(key) {
		return
	}
	if !d.faults.wants(d.at(key)) {
		d.faults.total++ // and not a word about it: looking for the nearest name takes time
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	known, near := strings.Join(names, ", "), nearest.Name(key.Value, names)
	switch {
	case key.Kind != yaml.ScalarNode:
		d.fault(key, "the name of a member must be a word; this is %s", kind(key))
	case key.ShortTag() == "!!merge":
		d.fault(key, "a merge (<<) is not allowed: write the members out")
	case near != "":
		d.fault(key, "%s has no member %s: did you mean %s?", what, shown(key.Value), near)
	case absent(value):
		// In braces, `secret:abc` and a lone `abc` are names without a value. They may be secrets and are not shown.
		d.fault(key, "%s has no such member, and it has no value (a space after a colon missing?): known are %s", what, known)
	default:
		d.fault(key, "%s has no member %s: known are %s", what, shown(key.Value), known)
	}
}

// maxShown is how much of a value is shown: enough for every sound one.
const maxShown = 64

// shown is value on one line, without control characters.
func shown(value string) string {
	if runes := []rune(value); len(runes) > maxShown {
		return strconv.Quote(string(runes[:maxShown])) + "…"
	}
	return strconv.Quote(value)
}

// shownNode shows a value as it stands in the file, with quotes or without.
func shownNode(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || absent(n) {
		return kind(n)
	}
	if n.Style == 0 {
		return strings.ReplaceAll(shown(n.Value), `"`, "")
	}
	return shown(n.Value)
}
