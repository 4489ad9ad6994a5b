package codezip

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

var le = binary.LittleEndian

// entry is an entry of a zip made by hand. The zip is sound where an entry
// has only a name and a body; the patches break it.
type entry struct {
	name   string
	body   string
	method uint16
	flags  uint16
	attrs  uint32
	packed []byte       // in place of the body packed by the method
	after  []byte       // follows the data
	local  func([]byte) // patches the local header, its name behind it
	record func([]byte) // patches the directory's record
}

func (e entry) data() []byte {
	switch {
	case e.packed != nil:
		return e.packed
	case e.method == methodDeflate:
		return deflated([]byte(e.body))
	}
	return []byte(e.body)
}

func deflated(body []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	w.Write(body)
	w.Close()
	return b.Bytes()
}

// makeZip writes a zip, byte by byte; makeZip(entries...) is accepted if all
// the entries are sound.
func makeZip(entries ...entry) []byte {
	var files, directory []byte
	for _, e := range entries {
		data, at := e.data(), len(files)
		files = append(files, e.header(data)...)
		files = append(append(files, data...), e.after...)
		directory = append(directory, e.directoryRecord(data, at)...)
	}
	return append(append(files, directory...), endRecord(len(entries), len(directory), len(files))...)
}

// common are the fields that both headers have, from the flags on.
func (e entry) common(b, data []byte) []byte {
	b = le.AppendUint16(b, e.flags)
	b = le.AppendUint16(b, e.method)
	b = append(b, 0, 0, 0x21, 0) // 1980-01-01
	b = le.AppendUint32(b, crc32.ChecksumIEEE([]byte(e.body)))
	b = le.AppendUint32(b, uint32(len(data)))
	b = le.AppendUint32(b, uint32(len(e.body)))
	b = le.AppendUint16(b, uint16(len(e.name)))
	return le.AppendUint16(b, 0) // no extra field
}

func (e entry) header(data []byte) []byte {
	b := e.common([]byte(localSignature+"\x14\x00"), data)
	b = append(b, e.name...)
	if e.local != nil {
		e.local(b)
	}
	return b
}

func (e entry) directoryRecord(data []byte, at int) []byte {
	b := e.common([]byte(recordSignature+"\x14\x03\x14\x00"), data)
	b = append(b, 0, 0, 0, 0, 0, 0) // no comment, disk, internal attributes
	b = le.AppendUint32(b, e.attrs)
	b = le.AppendUint32(b, uint32(at))
	b = append(b, e.name...)
	if e.record != nil {
		e.record(b)
	}
	return b
}

func endRecord(records, size, start int) []byte {
	b := []byte(endSignature + "\x00\x00\x00\x00")
	b = le.AppendUint16(b, uint16(records))
	b = le.AppendUint16(b, uint16(records))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(start))
	return append(b, 0, 0)
}

// put16 and put32 make patches: a value at an offset.
func put16(at int, v uint16) func([]byte) { return func(b []byte) { le.PutUint16(b[at:], v) } }
func put32(at int, v uint32) func([]byte) { return func(b []byte) { le.PutUint32(b[at:], v) } }

// patchEnd patches the end record of a zip without a comment.
func patchEnd(b []byte, patches ...func([]byte)) []byte {
	for _, patch := range patches {
		patch(b[len(b)-endBytes:])
	}
	return b
}

// written is a zip as archive/zip's writer makes it, of small files; names
// that end in a slash are folders.
func written(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		to, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if name[len(name)-1] == '/' {
			continue
		}
		if _, err := to.Write([]byte("content of " + name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
