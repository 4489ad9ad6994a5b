package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

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

// malformed is a body that is not a JSON object of the known shape.
func malformed(detail string) error { return cloud.Refused(cloud.MalformedBody, detail) }

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

// expect reads the next byte that is not white space, which must be one of
// want.
func (r *uploadReader) expect(want string) (byte, error) {
	c, err := r.next()
	if err != nil {
		return 0, brokeOff(err)
	}
	if strings.IndexByte(want, c) < 0 {
		return 0, malformed("the body is not a JSON object")
	}
	return c, nil
}

// brokeOff is the error of a body that ended, or could not be read, in the
// middle.
func brokeOff(err error) error {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e
	}
	return notWhole(err)
}

// object reads the whole object.
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
		return brokeOff(err)
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
			return cloud.Refused(cloud.InvalidArgs, known+" must be a string")
		}
	}
	switch {
	case strings.EqualFold(name, "ZipFile"):
		return cloud.Refused(cloud.InvalidArgs, "ZipFile must be a string")
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
		return cloud.Refused(cloud.InvalidArgs, "InstallDependency must be a boolean")
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
			return nil, brokeOff(err)
		}
		if text = append(text, c); len(text) > maxOtherMember {
			return nil, malformed(fmt.Sprintf("a member other than ZipFile is over %d KiB", maxOtherMember>>10))
		}
		switch {
		case inString && c == '\\':
			if c, err = r.in.ReadByte(); err != nil {
				return nil, brokeOff(err)
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
