package codezip

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func checkBytes(b []byte) error { return Check(bytes.NewReader(b), int64(len(b)), UploadLimits) }

// UP-7: what ordinary tools write is accepted.
func TestCheckAccepts(t *testing.T) {
	crc := le.AppendUint32(nil, crc32.ChecksumIEEE([]byte("content")))
	sizes := []byte{7, 0, 0, 0, 7, 0, 0, 0}
	follows := func(b []byte) { clear(b[14:26]) }
	for name, b := range map[string][]byte{
		"stored":          makeZip(entry{name: "index.js", body: "content"}),
		"deflated":        makeZip(entry{name: "index.js", body: "content", method: methodDeflate}),
		"empty file":      makeZip(entry{name: "empty"}),
		"with folders":    makeZip(entry{name: "a/"}, entry{name: "a/b/"}, entry{name: "a/b/c", body: "x"}),
		"folder last":     makeZip(entry{name: "a/b", body: "x"}, entry{name: "a/"}),
		"folder implied":  makeZip(entry{name: "a/b", body: "x"}, entry{name: "a.b", body: "x"}, entry{name: "a/c", body: "y"}),
		"dots in names":   makeZip(entry{name: "..a/.b/c../...", body: "x"}),
		"./ in front":     makeZip(entry{name: "./"}, entry{name: "./a", body: "x"}),
		"Unix attributes": makeZip(entry{name: "a/", attrs: 0o40755<<16 | 0x10}, entry{name: "a/b", body: "x", attrs: 0o100755 << 16}),
		"Windows folders": makeZip(entry{name: `a\`}, entry{name: `a\b`, body: "x"}),
		"GBK name":        makeZip(entry{name: "\xd6\xd0\xce\xc4.js", body: "x"}),
		"UTF-8 name":      makeZip(entry{name: "\u4e2d\u6587.js", body: "x", flags: 1 << 11}),
		"long name":       makeZip(entry{name: strings.Repeat("a", 1<<16-1), body: "x"}),
		"comment":         append(patchEnd(makeZip(entry{name: "a", body: "x"}), put16(20, 5)), "hello"...),
		"longest comment": append(patchEnd(makeZip(entry{name: "a", body: "x"}), put16(20, maxComment)), make([]byte, maxComment)...),
		"sizes follow": makeZip(entry{
			name: "a", body: "content", flags: flagDescriptor, local: follows,
			after: append([]byte(descriptorSignature), append(crc, sizes...)...),
		}),
		"without PK78": makeZip(entry{
			name: "a", body: "content", flags: flagDescriptor, local: follows, after: append(crc[:4:4], sizes...),
		}),
		"jar's folder":   makeZip(entry{name: "a/", method: methodDeflate}, entry{name: "a/b", body: "x"}),
		"zip64 in local": makeZip(entry{name: "a", body: "x", local: func(b []byte) { put32(18, zip64Size)(b); put32(22, zip64Size)(b) }}),
		"archive/zip":    written(t, "lib/", "lib/a.js", "index.js"),
	} {
		if err := checkBytes(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckAcceptsTheLimit(t *testing.T) {
	b := written(t, "a/", "a/b", "c")
	if err := Check(
		bytes.NewReader(b), int64(len(b)),
		Limits{Entries: 3, UnpackedBytes: int64(len("content of a/b" + "content of c"))},
	); err != nil {
		t.Error(err)
	}
	if !reflect.DeepEqual(UploadLimits, Limits{Entries: 10_000, UnpackedBytes: 500 << 20, Ratio: 100}) {
		t.Errorf("UP-7: %+v", UploadLimits)
	}
}

// UP-7
func TestCheckLimits(t *testing.T) {
	b := written(t, "a/", "a/b", "c")
	refusedFor(t, "entries", Check(bytes.NewReader(b), int64(len(b)), Limits{Entries: 2, UnpackedBytes: 1 << 20}), "over 2 entries")
	refusedFor(t, "bytes", Check(bytes.NewReader(b), int64(len(b)), Limits{Entries: 3, UnpackedBytes: 20}), "over 20 bytes")
	flat := func(size int64) []byte {
		data := bytes.Repeat([]byte{0}, 1<<20)
		return makeZip(entry{name: "a", method: methodDeflate, packed: data, record: put32(24, uint32(size))})
	}
	const most = RatioFree + 100<<20 // and some bytes: the zip's own size is over its data
	refusedFor(t, "ratio", checkBytes(flat(most+1<<20)), "over 100 times")
	if err := checkBytes(flat(most)); err == nil || strings.Contains(err.Error(), "times") {
		t.Errorf("within the ratio: %v", err)
	}
	list := make([]entry, 10_001)
	for i := range list {
		list[i].name = "f" + strconv.Itoa(i)
	}
	refusedFor(t, "10,001", checkBytes(makeZip(list...)), "over 10000 entries")
	if err := checkBytes(makeZip(list[1:]...)); err != nil {
		t.Errorf("10,000: %v", err)
	}
}

func refusedFor(t *testing.T, name string, err error, reason string) {
	t.Helper()
	if bad, ok := errors.AsType[*Error](err); !ok || !strings.Contains(bad.Reason, reason) {
		t.Errorf("%s: %v, want %q", name, err, reason)
	}
}

// Reasons are printable and short, whatever the name (EN-5).
func TestReasonIsFitToBeShown(t *testing.T) {
	for _, name := range []string{
		"/" + strings.Repeat("\u4e2d", 20_000),
		"/" + strings.Repeat("\xff", 60_000),
		"\x00\x1b[2J\u202e\r\n",
	} {
		bad, ok := errors.AsType[*Error](checkBytes(makeZip(entry{name: name, body: "x"})))
		if !ok || len(bad.Reason) > 500 || !utf8.ValidString(bad.Reason) {
			t.Fatalf("%.20q: %v", name, bad)
		}
		for _, r := range bad.Reason {
			if !strconv.IsPrint(r) {
				t.Errorf("reason %q has %q", bad.Reason, r)
			}
		}
	}
}

var errDisk = errors.New("disk broke")

// breaking reads a zip from a disk that works so many times.
type breaking struct {
	*bytes.Reader
	times *int
}

func (b breaking) ReadAt(p []byte, off int64) (int, error) {
	if *b.times--; *b.times < 0 {
		return len(p) / 2, errDisk
	}
	return b.Reader.ReadAt(p, off)
}

// A disk that fails, at whichever read, is no fault of the zip (EN-13).
func TestCheckTellsReadFaults(t *testing.T) {
	b := makeZip(
		entry{name: "a", body: strings.Repeat("x", 1<<17)},
		entry{
			name: "b", body: "y", method: methodDeflate, flags: flagDescriptor,
			after: le.AppendUint64(le.AppendUint32(nil, crc32.ChecksumIEEE([]byte("y"))), 1),
		},
	)
	for n := 0; ; n++ {
		times := n
		err := Check(breaking{bytes.NewReader(b), &times}, int64(len(b)), UploadLimits)
		if err == nil && times >= 0 {
			if n < 10 {
				t.Errorf("only %d reads", n)
			}
			return
		}
		if _, refused := errors.AsType[*Error](err); refused || !errors.Is(err, errDisk) {
			t.Errorf("fault at read %d: %v", n+1, err)
		}
	}
}

// A zip that ends before its size was not read whole.
func TestCheckTellsShortRead(t *testing.T) {
	b := written(t, "a")
	err := Check(bytes.NewReader(b[:len(b)-1]), int64(len(b)), UploadLimits)
	if _, refused := errors.AsType[*Error](err); refused || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestErrorText(t *testing.T) {
	if got := fmt.Sprint(checkBytes(nil)); got != "zip refused: not a zip" {
		t.Error(got)
	}
}

// TestCheckPauses counts the pauses of a check: as many as there are pieces of
// PauseAfter bytes, however many entries these are in.
func TestCheckPauses(t *testing.T) {
	const pieces = 20
	var small []entry
	for i := range pieces * 4 {
		small = append(small, entry{name: fmt.Sprintf("%d.js", i), body: strings.Repeat("x", PauseAfter/4), method: methodDeflate})
	}
	for name, code := range map[string][]byte{
		"one entry":    makeZip(entry{name: "a.js", body: strings.Repeat("x", pieces*PauseAfter), method: methodDeflate}),
		"many entries": makeZip(small...),
	} {
		pauses := 0
		limits := UploadLimits
		limits.Pause = func() { pauses++ }
		if err := Check(bytes.NewReader(code), int64(len(code)), limits); err != nil || pauses < pieces/2 || pauses > pieces {
			t.Errorf("%s: %d pauses, want about %d; %v", name, pauses, pieces, err)
		}
	}
}
