package codezip

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// nameFault returns why no entry may have the name, "" if one may. A backslash
// counts as a slash, which some unpackers make of it.
func nameFault(name []byte) string {
	switch {
	case len(name) == 0:
		return "it has no name"
	case hasControl(name):
		return "its name has a control character"
	case isSeparator(name[0]):
		return "its name is absolute"
	case len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return "its name is absolute" // C:\x, and C:x too, which is relative to another drive
	}
	for part := range segments(name) {
		if string(part) == ".." {
			return "its name climbs"
		}
	}
	if last := len(name) - 1; name[last] == '.' && (last == 0 || isSeparator(name[last-1])) {
		return "its name ends in ." // a folder's would end in a slash
	}
	return ""
}

// unicodePath is the extra field in which some writers repeat the name in UTF-8,
// and which some unpackers prefer to the name.
const unicodePath = 0x7075

// otherName returns why the name in an entry's extra field is invalid, "" if it is
// valid or there is none. It must equal a name in ASCII, and obey the same rules
// as a name.
func otherName(name, extra []byte) string {
	for len(extra) >= 4 {
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; size > len(extra) {
			return ""
		}
		field := extra[:size]
		extra = extra[size:]
		if id != unicodePath || len(field) < 5 { // version and checksum stand before the name
			continue
		}
		other := field[5:]
		ascii := !bytes.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
		if ascii && !bytes.Equal(other, name) {
			return "it has two names"
		}
		if reason := nameFault(other); reason != "" {
			return reason
		}
	}
	return ""
}

func isSeparator(b byte) bool { return b == '/' || b == '\\' }
func isLetter(b byte) bool    { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// hasControl reports whether a name has a control character. A name that is not
// UTF-8 is searched for control bytes: a Chinese Windows writes names in GBK.
func hasControl(name []byte) bool {
	if utf8.Valid(name) {
		return bytes.ContainsFunc(name, unicode.IsControl)
	}
	for _, b := range name {
		if b < ' ' || b == 0x7f {
			return true
		}
	}
	return false
}

// segments yields the parts of a name that lead to its place: neither empty
// ones nor ".".
func segments(name []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for part := range bytes.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '\\' }) {
			if string(part) != "." && !yield(part) {
				return
			}
		}
	}
}

// checkNames refuses two entries of one name, and a file that is the folder of
// another entry. It keeps names as hashes of 8 bytes under a key of this call. A
// collision (less likely than one in 10^8 for a zip within the limits) refuses a
// good zip; it never accepts a bad one.
func (d *directory) checkNames() error {
	h := placeHash{}
	h.SetSeed(maphash.MakeSeed())
	isFile := make(map[uint64]bool, d.records)
	err := d.walk(func(rec *record) error {
		h.Reset()
		for part := range segments(rec.name) {
			h.enter(part)
		}
		place := h.Sum64()
		if _, repeated := isFile[place]; repeated {
			return refuse("entry %s: its name is there twice", shown(rec.name))
		}
		isFile[place] = !rec.isFolder()
		return nil
	})
	if err != nil {
		return err
	}
	return d.walk(func(rec *record) error {
		h.Reset()
		for part := range segments(rec.name) {
			if isFile[h.Sum64()] {
				return refuse("entry %s: it is inside of another that is a file", shown(rec.name))
			}
			h.enter(part)
		}
		return nil
	})
}

// placeHash is the hash of the place that segments lead to.
type placeHash struct{ maphash.Hash }

func (h *placeHash) enter(part []byte) {
	h.Write(part)
	h.WriteByte('/')
}

// shown returns a name for a message: quoted, printable, shortened.
func shown(name []byte) string {
	const atMost = 80
	if len(name) <= atMost {
		return strconv.Quote(string(name))
	}
	cut := atMost
	for cut > atMost-utf8.UTFMax && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return strconv.Quote(string(name[:cut]) + "…")
}
