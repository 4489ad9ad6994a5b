package world

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxValues bounds the memory of a tree: every value but the first goes with one of the marks that plausible counts, and
// costs up to 500 bytes. Two million Mini Programs or a million functions are below it.
const maxValues = 6 << 20

// tree parses the one YAML document of data. It returns nil where there is none, or where a fault was told that leaves
// nothing to look at.
func tree(data []byte, faults *collector) *yaml.Node {
	if !plausible(data, faults) {
		return nil
	}
	documents := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := next(documents, &first)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if err = next(documents, &second); err == nil {
			faults.add(second.Line, "a second YAML document begins here: a world file has one")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		syntaxFault(data, err, faults)
		return nil
	}
	refuseIndirection(&first, faults)
	return first.Content[0]
}

// plausible refuses what should not even be given to the YAML library.
func plausible(data []byte, faults *collector) bool {
	if len(data) > MaxBytes {
		faults.add(0, "a world file has at most %d bytes", MaxBytes)
		return false
	}
	if !utf8.Valid(data) {
		at := 0
		for r, size := utf8.DecodeRune(data); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(data[at:]) {
			at += size
		}
		faults.add(1+bytes.Count(data[:at], []byte("\n")), "this is not UTF-8 text")
		return false
	}
	marks := 0
	for _, b := range data {
		switch b {
		case ',', ':', '-', '?', '[', '{':
			marks++
		}
	}
	if marks > maxValues {
		faults.add(0, "a world file has at most %d values (marks of , : - ? [ {): apply it in several files", maxValues)
		return false
	}
	return true
}

// errLibrary stands for a panic of the YAML library. Fuzzing found none, but its parser has places that panic on purpose,
// and a malformed file is never more than a fault.
var errLibrary = errors.New("yaml: the YAML cannot be understood")

func next(documents *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if recover() != nil {
			err = errLibrary
		}
	}()
	return documents.Decode(node)
}

var libraryLine = regexp.MustCompile(`^line (\d+): `)

// syntaxFault tells where the library stopped. The line that it gives is where the construct begins (it may be the whole
// file), or the line before, or none; so the line that it had read up to is told, except for what was left open.
func syntaxFault(data []byte, err error, faults *collector) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	opened := 1
	if m := libraryLine.FindStringSubmatch(text); m != nil {
		opened, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	switch {
	case text == "found unexpected end of stream":
		faults.add(opened, "a quote that is opened here is never closed")
	case text == "could not find expected ':'":
		faults.add(opened, "this is neither `name: value` nor part of what is above (a space after the colon?)")
	case strings.HasPrefix(text, "unknown anchor"):
		// The library's text quotes the name, which may be a secret that begins with an asterisk.
		faults.add(reached(data), "%s (here or on the line above)", noAlias)
	default:
		faults.add(reached(data), "the YAML breaks here or on the line above: %s", text)
	}
}

// lineReader hands out one line per Read and counts them.
type lineReader struct {
	rest  []byte
	lines int
}

func (l *lineReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	end := bytes.IndexByte(l.rest, '\n') + 1
	if end == 0 {
		end = len(l.rest)
	}
	n := copy(p, l.rest[:end])
	if n == end {
		l.lines++
	}
	l.rest = l.rest[n:]
	return n, nil
}

// reached is the line up to which the library reads before it fails.
func reached(data []byte) int {
	lines := lineReader{rest: data}
	documents := yaml.NewDecoder(&lines)
	for err := error(nil); err == nil; {
		err = next(documents, new(yaml.Node))
	}
	return max(lines.lines, 1)
}

const noAlias = "an alias (*name) is not allowed: write the value out, or in quotes if it begins with an asterisk"

// refuseIndirection tells every anchor, alias and tag under n. A world file says what it means in place: a few aliases
// of aliases can stand for more values than there is memory. Aliases are not followed.
func refuseIndirection(n *yaml.Node, faults *collector) {
	if n.Kind == yaml.AliasNode {
		faults.add(n.Line, noAlias)
		return
	}
	if n.Anchor != "" {
		faults.add(n.Line, "an anchor (&name) is not allowed: write the value out, or in quotes if it begins with an ampersand")
	}
	if n.Style&yaml.TaggedStyle != 0 {
		faults.add(n.Line, "a tag (!name) is not allowed: leave it out, or write the value in quotes if it begins with an exclamation mark")
	}
	for _, child := range n.Content {
		refuseIndirection(child, faults)
	}
}

// kind names what stands at n, without its value and its tag: either may be a secret without quotes.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "empty"
	}
	names := map[string]string{"!!str": "a string", "!!bool": "true or false", "!!int": "a number", "!!float": "a number", "!!timestamp": "a date"}
	if name, ok := names[n.ShortTag()]; ok {
		return name
	}
	return "a value of another type"
}
