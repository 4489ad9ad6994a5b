package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/internal/words"
)

// Node is a value of a file.
type Node struct {
	tree   *yaml.Node
	name   string // of its member, as faults call it
	faults reports
}

// reports adds faults, and says first what they are in.
type reports struct {
	*words.Collector
	in string
}

// Add adds a fault of a line.
func (r reports) Add(line int, format string, args ...any) {
	r.Collector.Add(line, "%s%s", r.in, fmt.Sprintf(format, args...))
}

// Read reads a value: it keeps what is right and reports what is wrong.
type Read func(Node)

// Line returns the line of the file on which the value begins, from 1.
func (n Node) Line() int { return n.tree.Line }

// In returns the value with a name of what it is in, with which its faults and
// those below it begin: "profile main".
func (n Node) In(name string) Node {
	n.faults.in += name + ": "
	return n
}

// Report adds a fault of the value. It must not show a secret.
func (n Node) Report(format string, args ...any) { n.faults.Add(n.tree.Line, format, args...) }

// Field is a member that a mapping may have.
type Field struct {
	name     string
	required bool
	read     Read
	line     int // where it was met, 0 before that
}

// Required returns the field of a member that must be there.
func Required(name string, read Read) Field { return Field{name: name, required: true, read: read} }

// Optional returns the field of a member that may be left out.
func Optional(name string, read Read) Field { return Field{name: name, read: read} }

// IsAway reports whether the value is null or "", in so many words: a name with
// nothing after it is rather a value that was forgotten.
func (n Node) IsAway() bool {
	return isNull(n.tree) && n.tree.Value != "" || n.tree.Kind == yaml.ScalarNode && n.tree.Style != 0 &&
		n.tree.Value == "" && n.tree.ShortTag() == "!!str"
}

// Members reads a mapping: each member once, none unknown, and all that are
// required. what is the mapping in the faults, "a platform". It reports whether
// there is a mapping.
func (n Node) Members(what string, fields ...Field) bool {
	if !n.isMapping(what) {
		return false
	}
	for i := 0; i+1 < len(n.tree.Content); i += 2 {
		key := n.tree.Content[i]
		at := slices.IndexFunc(fields, func(f Field) bool { return key.Kind == yaml.ScalarNode && key.Value == f.name })
		switch {
		case at < 0:
			n.reportUnknown(key, n.tree.Content[i+1], what, fields)
		case fields[at].line != 0:
			n.faults.Add(key.Line, "%s is said twice, first on line %d", key.Value, fields[at].line)
		default:
			fields[at].line = key.Line
			fields[at].read(Node{n.tree.Content[i+1], key.Value, n.faults})
		}
	}
	for _, f := range fields {
		if f.required && f.line == 0 {
			n.Report("%s needs %s", what, f.name)
		}
	}
	return true
}

// Has reports whether the value is a mapping with that member.
func (n Node) Has(member string) bool {
	if n.tree.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.tree.Content); i += 2 {
		if n.tree.Content[i].Kind == yaml.ScalarNode && n.tree.Content[i].Value == member {
			return true
		}
	}
	return false
}

// Named reads a mapping whose names are free, each one once and with a value.
func Named(read func(name string, n Node)) Read {
	return func(n Node) {
		if isNull(n.tree) || !n.isMapping(n.name) {
			return
		}
		met := map[string]int{}
		for i := 0; i+1 < len(n.tree.Content); i += 2 {
			key, value := n.tree.Content[i], n.tree.Content[i+1]
			switch {
			case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge":
				n.reportUnknown(key, value, n.name, nil)
			case isNull(value) && value.Value == "": // it may be a secret, as in reportUnknown
				n.faults.Add(key.Line, "an entry of %s has no value (a space after a colon missing?)", n.name)
			case met[key.Value] != 0:
				n.faults.Add(key.Line, "%s is said twice, first on line %d", shown(key.Value), met[key.Value])
			default:
				met[key.Value] = key.Line
				read(key.Value, Node{value, "an entry of " + n.name, n.faults})
			}
		}
	}
}

// List reads a list, each item by read. `name:` with every item commented out
// is an empty list.
func List(read Read) Read {
	return func(n Node) {
		if !isNull(n.tree) {
			n.Items(read)
		}
	}
}

// Items reads a list, each item by read, and reports whether it is an empty
// one. Unlike List it does not take an empty value for a list.
func (n Node) Items(read Read) (empty bool) {
	switch {
	case n.tree.Kind == yaml.AliasNode: // reported
	case n.tree.Kind != yaml.SequenceNode:
		n.Report("%s must be a list; this is %s", n.name, kind(n.tree))
	default:
		for _, item := range n.tree.Content {
			read(Node{item, "an entry of " + n.name, n.faults})
		}
		return len(n.tree.Content) == 0
	}
	return false
}

func (n Node) isMapping(what string) bool {
	if n.tree.Kind != yaml.MappingNode && n.tree.Kind != yaml.AliasNode {
		n.Report("%s must be a mapping of `name: value`; this is %s", what, kind(n.tree))
	}
	return n.tree.Kind == yaml.MappingNode
}

// reportUnknown reports a member that what does not have, and the one that may
// be meant.
func (n Node) reportUnknown(key, value *yaml.Node, what string, fields []Field) {
	if isReported(key) {
		return
	}
	if !n.faults.Wants(key.Line) {
		n.faults.Add(key.Line, "") // it is only counted; to look for the nearest name takes time
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	known, near := strings.Join(names, ", "), words.Nearest(key.Value, names)
	switch {
	case key.Kind != yaml.ScalarNode:
		n.faults.Add(key.Line, "the name of a member must be a word; this is %s", kind(key))
	case key.ShortTag() == "!!merge":
		n.faults.Add(key.Line, "a merge (<<) is not allowed: write the members out")
	case near != "":
		n.faults.Add(key.Line, "%s has no member %s: did you mean %s?", what, shown(key.Value), near)
	case isNull(value):
		// In braces, `secret:abc` and a lone `abc` are names without a value.
		// They may be secrets and are not shown.
		n.faults.Add(key.Line, "%s has no such member, and it has no value (a space after a colon missing?): known are %s", what, known)
	default:
		n.faults.Add(key.Line, "%s has no member %s: known are %s", what, shown(key.Value), known)
	}
}

// isNull reports whether nothing stands at n.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

var kinds = map[string]string{
	"!!null": "empty", "!!str": "a string", "!!bool": "true or false",
	"!!int": "a number", "!!float": "a number", "!!timestamp": "a date",
}

// kind names what stands at n, without its value and its tag: either may be a
// secret without quotes.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if name, ok := kinds[n.ShortTag()]; ok {
		return name
	}
	return "a value of another type"
}
