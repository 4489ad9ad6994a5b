package server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opentcb/opentcb/internal/cloud"
)

// The bounds of an upload, in bytes (UP-7).
const (
	maxZipBase64   = 20 << 20
	maxUpload      = maxZipBase64 + 4<<20 // room for escapes within the base64, and the other members
	maxOtherMember = 64 << 10
	maxMembers     = 64
)

// upload is the body of an upload, the zip apart.
type upload struct {
	CodeSecret        string
	EnvID             string
	FunctionName      string
	Handler           string
	InstallDependency bool
	hasZip            bool
}

// draftError is a failure to write the zip, as opposed to a fault of the body.
type draftError struct{ err error }

func (e *draftError) Error() string { return "write code: " + e.err.Error() }
func (e *draftError) Unwrap() error { return e.err }

// draftWriter marks the errors of the draft.
type draftWriter struct{ w io.Writer }

func (d draftWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		err = &draftError{err}
	}
	return n, err
}

// malformed is a body that is not a JSON object of the known shape.
func malformed(detail string) error { return &cloud.Error{Kind: cloud.MalformedBody, Detail: detail} }

// uploadReader reads the members of an upload as they stream in. A JSON
// library would hold the whole of ZipFile in memory, and that is nearly all
// there is.
type uploadReader struct {
	in     *bufio.Reader
	zip    io.Writer
	upload upload
}

// readUpload reads an upload's body to the end of its object, and writes the
// decoded zip as it comes. Members are named without regard to case, and
// unknown ones are ignored (EN-7).
func readUpload(body io.Reader, zip io.Writer) (upload, error) {
	r := &uploadReader{in: bufio.NewReaderSize(body, 32<<10), zip: draftWriter{zip}}
	if err := r.object(); err != nil {
		return upload{}, err
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		return upload{}, malformed("something follows the JSON object")
	}
	return r.upload, nil
}

// next returns the next byte that is not white space.
func (r *uploadReader) next() (byte, error) {
	for {
		c, err := r.in.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

// expect reads the next byte that is not white space and wants it to be one
// of a few.
func (r *uploadReader) expect(want string) (byte, error) {
	c, err := r.next()
	if err != nil {
		return 0, cut(err)
	}
	if strings.IndexByte(want, c) < 0 {
		return 0, malformed("the body is not a JSON object")
	}
	return c, nil
}

// cut is a body that ended, or could not be read, in the middle.
func cut(err error) error {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e
	}
	return &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body did not arrive whole", Err: err}
}

func (r *uploadReader) object() error {
	if _, err := r.expect("{"); err != nil {
		return err
	}
	c, err := r.expect("\"}")
	for n := 0; err == nil && c == '"'; n++ {
		if n == maxMembers {
			return malformed("too many members")
		}
		if err = r.member(); err != nil {
			break
		}
		if c, err = r.expect(",}"); err == nil && c == ',' {
			c, err = r.expect("\"")
		}
	}
	return err
}

// member reads a member whose name's opening quote has been read.
func (r *uploadReader) member() error {
	raw, err := r.raw('"')
	if err != nil {
		return err
	}
	var name string
	if json.Unmarshal(raw, &name) != nil {
		return malformed("a member's name is malformed")
	}
	if _, err := r.expect(":"); err != nil {
		return err
	}
	first, err := r.next()
	if err != nil {
		return cut(err)
	}
	if first == '"' && strings.EqualFold(name, "ZipFile") {
		return r.zipFile()
	}
	raw, err = r.raw(first)
	if err != nil {
		return err
	}
	return r.small(name, raw)
}

// small takes a member that is held in memory.
func (r *uploadReader) small(name string, raw []byte) error {
	if !json.Valid(raw) {
		return malformed("a member's value is malformed")
	}
	if string(raw) == "null" {
		return nil // counts as absent
	}
	for known, dest := range map[string]*string{
		"CodeSecret": &r.upload.CodeSecret, "EnvId": &r.upload.EnvID,
		"FunctionName": &r.upload.FunctionName, "Handler": &r.upload.Handler,
	} {
		if strings.EqualFold(name, known) && json.Unmarshal(raw, dest) != nil {
			return &cloud.Error{Kind: cloud.InvalidArgs, Detail: known + " must be a string"}
		}
	}
	switch {
	case strings.EqualFold(name, "ZipFile"):
		return &cloud.Error{Kind: cloud.InvalidArgs, Detail: "ZipFile must be a string"}
	case strings.EqualFold(name, "InstallDependency"):
		return r.installDependency(raw)
	}
	return nil
}

// installDependency takes a boolean, or the word for one that Tencent Cloud's
// own clients send.
func (r *uploadReader) installDependency(raw []byte) error {
	word := string(raw)
	if raw[0] == '"' {
		_ = json.Unmarshal(raw, &word) // valid, as small has seen
	}
	on, err := strconv.ParseBool(strings.ToLower(word))
	if err != nil {
		return &cloud.Error{Kind: cloud.InvalidArgs, Detail: "InstallDependency must be a boolean"}
	}
	r.upload.InstallDependency = on
	return nil
}

// raw returns the text of a value whose first byte has been read. Only its
// extent is found here: json.Valid judges it.
func (r *uploadReader) raw(first byte) ([]byte, error) {
	text := []byte{first}
	depth, inString := nesting(0, first), first == '"'
	for scalar := depth == 0 && !inString; ; {
		if scalar {
			if c, err := r.in.Peek(1); err == nil && bytes.IndexByte([]byte(",}] \t\r\n"), c[0]) >= 0 {
				return text, nil
			}
		}
		c, err := r.in.ReadByte()
		if err != nil {
			return nil, cut(err)
		}
		if text = append(text, c); len(text) > maxOtherMember {
			return nil, malformed(fmt.Sprintf("a member other than ZipFile is over %d KiB", maxOtherMember>>10))
		}
		switch {
		case inString && c == '\\':
			if c, err = r.in.ReadByte(); err != nil {
				return nil, cut(err)
			}
			text = append(text, c)
		case c == '"':
			inString = !inString
		case !inString:
			depth = nesting(depth, c)
		}
		if !scalar && depth == 0 && !inString {
			return text, nil
		}
	}
}

// nesting is the depth of brackets after a byte outside a string.
func nesting(depth int, c byte) int {
	switch c {
	case '{', '[':
		return depth + 1
	case '}', ']':
		return depth - 1
	}
	return depth
}

// zipFile decodes the zip, whose opening quote has been read.
func (r *uploadReader) zipFile() error {
	if r.upload.hasZip {
		return malformed("ZipFile is there twice")
	}
	r.upload.hasZip = true
	text := &stringReader{in: r.in}
	_, err := io.CopyBuffer(onlyWriter{r.zip}, onlyReader{base64.NewDecoder(base64.StdEncoding, text)}, make([]byte, 32<<10))
	if storage, ok := errors.AsType[*draftError](err); ok {
		return storage
	}
	if bad, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return &cloud.Error{Kind: cloud.InvalidCode, Detail: "ZipFile is not base64", Err: bad}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && text.ended {
		return &cloud.Error{Kind: cloud.InvalidCode, Detail: "ZipFile is not base64: it ends in the middle of a group"}
	}
	if err != nil {
		return cut(err)
	}
	return nil
}

// onlyReader and onlyWriter hide every other method, so that a copy goes
// through its own buffer.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// stringReader reads the content of a JSON string up to its closing quote,
// escapes resolved: some encoders write \/ for /, others \u002b for +.
type stringReader struct {
	in     *bufio.Reader
	size   int
	padded bool // the base64 has ended
	ended  bool // the string has
}

func (s *stringReader) Read(p []byte) (int, error) {
	if s.ended {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := s.in.Peek(1); err != nil {
		return 0, notEnd(err)
	}
	run, _ := s.in.Peek(min(s.in.Buffered(), len(p)))
	n := plainRun(run)
	if n == 0 {
		return s.special(p)
	}
	copy(p, run[:n])
	_, _ = s.in.Discard(n)
	return n, s.take(p[:n])
}

// notEnd keeps the end of the body from passing for the end of the string.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return cut(io.ErrUnexpectedEOF)
	}
	return cut(err)
}

// plainRun is how many bytes stand for themselves.
func plainRun(b []byte) int {
	for i, c := range b {
		if c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

// take counts what was read. Nothing but padding and line breaks may follow
// padding: a decoder that is fed in pieces would begin anew after it, where
// one that sees the whole refuses.
func (s *stringReader) take(b []byte) error {
	if s.size += len(b); s.size > maxZipBase64 {
		return &cloud.Error{Kind: cloud.InvalidCode, Detail: "the zip is over 20 MiB as base64"}
	}
	if !s.padded {
		i := bytes.IndexByte(b, '=')
		if i < 0 {
			return nil
		}
		s.padded, b = true, b[i:]
	}
	if len(bytes.Trim(b, "=\r\n")) > 0 {
		return &cloud.Error{Kind: cloud.InvalidCode, Detail: "ZipFile is not base64: something follows its padding"}
	}
	return nil
}

// special reads the closing quote or one escape.
func (s *stringReader) special(p []byte) (int, error) {
	c, err := s.in.ReadByte()
	switch {
	case err != nil:
		return 0, notEnd(err)
	case c == '"':
		s.ended = true
		return 0, io.EOF
	case c != '\\':
		return 0, malformed("a control character in ZipFile")
	}
	if c, err = s.in.ReadByte(); err != nil {
		return 0, notEnd(err)
	}
	if p[0], err = s.escape(c); err != nil {
		return 0, err
	}
	return 1, s.take(p[:1])
}

// escape returns the byte that an escape stands for; base64 has none beyond
// ASCII.
func (s *stringReader) escape(c byte) (byte, error) {
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return "\"\\/\b\f\n\r\t"[i], nil
	}
	if c != 'u' {
		return 0, malformed("a false escape in ZipFile")
	}
	var digits [4]byte
	if _, err := io.ReadFull(s.in, digits[:]); err != nil {
		return 0, notEnd(err)
	}
	v, err := strconv.ParseUint(string(digits[:]), 16, 16)
	switch {
	case err != nil:
		return 0, malformed("a false escape in ZipFile")
	case v >= utf8.RuneSelf:
		return 0, &cloud.Error{Kind: cloud.InvalidCode, Detail: "ZipFile is not base64"}
	}
	return byte(v), nil
}
