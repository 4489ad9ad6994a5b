// Package words is about what people read and write: texts that others wrote, made
// harmless on a terminal; names that were mistyped; and what is wrong with a file.
//
//	printable.go  Printable and NewWriter, for texts of others
//	nearest.go    Nearest: the name that was meant
//	faults.go     Fault, Faults, and Collector, which gathers them
package words

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns s with every character that cannot be seen, line breaks too, as
// \u and four hex digits: a control character in the answer of a server could
// otherwise hide, forge or run what its reader sees. A byte that is not UTF-8 becomes U+FFFD.
func Printable(s string) string {
	for _, r := range s {
		if !seen(r) {
			return string(appendText(nil, []byte(s), ""))
		}
	}
	return s
}

// seen reports whether a character shows as what it is.
func seen(r rune) bool { return r != utf8.RuneError && (unicode.IsPrint(r) || r == '\u3000') }

func appendText(to, s []byte, kept string) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		s = s[size:]
		switch {
		case r < utf8.RuneSelf && bytes.IndexByte([]byte(kept), byte(r)) >= 0, seen(r), r == utf8.RuneError:
			to = utf8.AppendRune(to, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			to = fmt.Appendf(to, `\u%04x\u%04x`, high, low)
		default:
			to = fmt.Appendf(to, `\u%04x`, r)
		}
	}
	return to
}

// NewWriter returns a writer that writes to w as Printable would, but keeps tabs and
// line breaks. JSON that goes through it is the same JSON.
func NewWriter(w io.Writer) io.Writer { return &writer{to: w} }

type writer struct {
	to   io.Writer
	half []byte // of a character whose end is still to come
}

// Write writes p, but for the half of a character at its end.
func (w *writer) Write(p []byte) (int, error) {
	text := append(w.half, p...)
	end := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				end = at
			}
			break
		}
	}
	if _, err := w.to.Write(appendText(nil, text[:end], "\t\n")); err != nil {
		return 0, err
	}
	w.half = bytes.Clone(text[end:])
	return len(p), nil
}
