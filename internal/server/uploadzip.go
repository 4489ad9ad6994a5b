package server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opentcb/opentcb/internal/cloud"
)

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

// zipFile decodes the zip, whose opening quote has been read.
func (r *uploadReader) zipFile() error {
	if r.upload.hasZip {
		return malformed("ZipFile is there twice")
	}
	r.upload.hasZip = true
	text := &stringReader{in: r.in}
	_, err := io.Copy(r.zip, base64.NewDecoder(base64.StdEncoding, text))
	if storage, ok := errors.AsType[*draftError](err); ok {
		return storage
	}
	if bad, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return &cloud.Error{Kind: cloud.InvalidCode, Detail: "ZipFile is not base64", Err: bad}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && text.ended {
		return cloud.Refused(cloud.InvalidCode, "ZipFile is not base64: it ends in the middle of a group")
	}
	if err != nil {
		return brokeOff(err)
	}
	return nil
}

// stringReader reads the content of a JSON string up to its closing quote,
// escapes resolved: some encoders write \/ for /, others \u002b for +.
type stringReader struct {
	in     *bufio.Reader
	size   int
	padded bool // the base64 has ended
	ended  bool // the string has ended
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
	n := literalRun(run)
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
		return brokeOff(io.ErrUnexpectedEOF)
	}
	return brokeOff(err)
}

// literalRun returns how many bytes at the beginning stand for themselves.
func literalRun(b []byte) int {
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
		return cloud.Refused(cloud.InvalidCode, "the zip is over 20 MiB as base64")
	}
	if !s.padded {
		i := bytes.IndexByte(b, '=')
		if i < 0 {
			return nil
		}
		s.padded, b = true, b[i:]
	}
	if len(bytes.Trim(b, "=\r\n")) > 0 {
		return cloud.Refused(cloud.InvalidCode, "ZipFile is not base64: something follows its padding")
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
		return 0, malformed("an invalid escape in ZipFile")
	}
	var digits [4]byte
	if _, err := io.ReadFull(s.in, digits[:]); err != nil {
		return 0, notEnd(err)
	}
	v, err := strconv.ParseUint(string(digits[:]), 16, 16)
	switch {
	case err != nil:
		return 0, malformed("an invalid escape in ZipFile")
	case v >= utf8.RuneSelf:
		return 0, cloud.Refused(cloud.InvalidCode, "ZipFile is not base64")
	}
	return byte(v), nil
}
