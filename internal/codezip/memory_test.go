package codezip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// maxCheckMemory is what Check may allocate in all, freed or not: more than
// it ever holds.
const maxCheckMemory = 6 << 20

// maxZip is the size of the largest upload: 20 MiB as base64 (UP-7).
const maxZip = 20 << 20 / 4 * 3

// The memory of Check does not depend on the zip, however it was made.
func TestCheckMemory(t *testing.T) {
	random := make([]byte, 14<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	for name, c := range map[string]struct {
		zip  []byte
		good bool
	}{
		"300,000 records, counted as 3": {zip: patchEnd(named("", 300_000), put16(8, 3), put16(10, 3))},
		"junk":                          {zip: random},
		"long names":                    {zip: named(strings.Repeat("x", 60_000), 30), good: true},
		"deep names":                    {zip: named(strings.Repeat("x/", 30_000), 20), good: true},
		"10,000 long names":             {zip: named(strings.Repeat("x", 300), 10_000), good: true},
		"long comments":                 {zip: commented(200, 60_000), good: true},
		"10,000 deflated files":         {zip: deflatedFiles(10_000), good: true},
		"one large file":                {zip: makeZip(entry{name: "large", body: string(random)}), good: true},
		"bomb":                          {zip: bomb()},
	} {
		if len(c.zip) > maxZip {
			t.Fatalf("%s: %d bytes, more than an upload", name, len(c.zip))
		}
		used, err := allocated(c.zip)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if used > maxCheckMemory {
			t.Errorf("%s: %d bytes of zip cost %d bytes of memory", name, len(c.zip), used)
		}
		t.Logf("%-30s %9d bytes of zip, %8d of memory", name, len(c.zip), used)
	}
}

// allocated returns what checking a zip allocates in all, in bytes.
func allocated(b []byte) (uint64, error) {
	var before, after runtime.MemStats
	r := bytes.NewReader(b)
	runtime.ReadMemStats(&before)
	err := Check(r, r.Size(), UploadLimits)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// named is a zip of empty files of numbered names; without a prefix, of
// records alone, the smallest that there are.
func named(prefix string, n int) []byte {
	if prefix == "" {
		directory := bytes.Repeat(entry{name: "a"}.directoryRecord(nil, 0), n)
		files := entry{name: "a"}.header(nil)
		return append(append(files, directory...), endRecord(n, len(directory), len(files))...)
	}
	list := make([]entry, n)
	for i := range list {
		list[i].name = fmt.Sprintf("%s%d", prefix, i)
	}
	return makeZip(list...)
}

// commented has records with comments of n bytes.
func commented(entries, n int) []byte {
	var files, directory []byte
	for i := range entries {
		e := entry{name: fmt.Sprint(i), record: put16(32, uint16(n))}
		directory = append(append(directory, e.directoryRecord(nil, len(files))...), make([]byte, n)...)
		files = append(files, e.header(nil)...)
	}
	return append(append(files, directory...), endRecord(entries, len(directory), len(files))...)
}

func deflatedFiles(n int) []byte {
	packed := deflated([]byte("content"))
	list := make([]entry, n)
	for i := range list {
		list[i] = entry{name: fmt.Sprint("lib/", i), body: "content", method: methodDeflate, packed: packed}
	}
	return makeZip(list...)
}

// bomb unpacks to 20 MiB.
func bomb() []byte {
	body := strings.Repeat("\x00", 20<<20)
	return makeZip(entry{name: "zeros", body: body, method: methodDeflate})
}
