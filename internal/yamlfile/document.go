package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/internal/words"
)

// MaxBytes is the size of the largest file that is read: 64 MiB, a world of
// some two million Mini Programs.
const MaxBytes = 64 << 20

// maxValues bounds the memory of a tree: every value but the first goes with
// one of the marks that plausible counts, and costs up to 500 bytes. Two
// million Mini Programs or a million functions are below it.
const maxValues = 6 << 20

// ReadFile returns the content of a file for Parse. It reads no more than one
// byte over MaxBytes, which Parse then reports.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxBytes+1))
}

// Parse gives the root of the file to read, unless the file is empty, and
// returns everything that it and read found wrong as a words.Faults. name is
// the file's name in the faults.
func Parse(data []byte, name string, read func(Node)) error {
	found := &words.Collector{File: name}
	if root := tree(data, found); root != nil && !isNull(root) {
		read(Node{tree: root, faults: reports{Collector: found}})
	}
	return found.Err()
}

// tree parses the one YAML document of data. It returns nil where there is
// none, or where it reported a fault that leaves nothing to look at.
func tree(data []byte, found *words.Collector) *yaml.Node {
	if !plausible(data, found) {
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
			found.Add(second.Line, "a second YAML document begins here: a file has one")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		reportSyntax(data, err, found)
		return nil
	}
	refuseIndirection(&first, found)
	return first.Content[0]
}

// plausible refuses what should not even be given to the YAML library.
func plausible(data []byte, found *words.Collector) bool {
	if len(data) > MaxBytes {
		found.Add(0, "a file has at most %d bytes", MaxBytes)
		return false
	}
	if !utf8.Valid(data) {
		at := 0
		for r, size := utf8.DecodeRune(data); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(data[at:]) {
			at += size
		}
		found.Add(1+bytes.Count(data[:at], []byte("\n")), "this is not UTF-8 text")
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
		found.Add(0, "a file has at most %d values (marks of , : - ? [ {): divide it into several files", maxValues)
		return false
	}
	return true
}

// errLibrary stands for a panic of the YAML library. Fuzzing found none, but
// its parser has places that panic on purpose, and a malformed file is never
// more than a fault.
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

// reportSyntax reports where the library stopped. The line that the library
// gives is where the construct begins (which may be the whole file), or the
// line before, or missing. So the line up to which it had read is reported,
// except for what was left open.
func reportSyntax(data []byte, err error, found *words.Collector) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	opened := 1
	if m := libraryLine.FindStringSubmatch(text); m != nil {
		opened, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	switch {
	case text == "found unexpected end of stream":
		found.Add(opened, "a quote that is opened here is never closed")
	case text == "could not find expected ':'":
		found.Add(opened, "this is neither `name: value` nor part of what is above (a space after the colon?)")
	case strings.HasPrefix(text, "unknown anchor"):
		// The library's text quotes the name, which may be a secret that begins
		// with an asterisk.
		found.Add(reached(data), "%s (here or on the line above)", noAlias)
	default:
		found.Add(reached(data), "the YAML breaks here or on the line above: %s", text)
	}
}

// lineReader returns one line per Read and counts them.
type lineReader struct {
	rest  []byte
	lines int
}

// Read implements io.Reader.
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

// reached returns the line up to which the library reads before it fails.
func reached(data []byte) int {
	lines := lineReader{rest: data}
	documents := yaml.NewDecoder(&lines)
	for err := error(nil); err == nil; {
		err = next(documents, new(yaml.Node))
	}
	return max(lines.lines, 1)
}

const (
	noAlias  = "an alias (*name) is not allowed: write the value out, or in quotes if it begins with an asterisk"
	noAnchor = "an anchor (&name) is not allowed: write the value out, or in quotes if it begins with an ampersand"
	noTag    = "a tag (!name) is not allowed: leave it out, or write the value in quotes if it begins with an exclamation mark"
)

// refuseIndirection reports every anchor, alias and tag under n. A file says
// what it means in place: a few aliases of aliases can stand for more values
// than there is memory. Aliases are not followed.
func refuseIndirection(n *yaml.Node, found *words.Collector) {
	if n.Kind == yaml.AliasNode {
		found.Add(n.Line, noAlias)
		return
	}
	if n.Anchor != "" {
		found.Add(n.Line, noAnchor)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		found.Add(n.Line, noTag)
	}
	for _, child := range n.Content {
		refuseIndirection(child, found)
	}
}

// isReported reports whether refuseIndirection has reported n.
func isReported(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0
}
