package codezip

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the bytes, Check does not panic, and what it accepts is a sound
// zip to archive/zip too: as many entries, within the limits, each of a local
// name of its own and readable to its end.
func FuzzCheck(f *testing.F) {
	f.Add(makeZip(entry{name: "a", body: "content"}))
	f.Add(makeZip(entry{name: "a/"}, entry{name: "a/b", body: "content", method: methodDeflate}))
	f.Add(makeZip(entry{name: `a\`}, entry{name: `a\./b`, body: "x"}, entry{name: "./"}))
	f.Add(append(patchEnd(makeZip(entry{name: "a", body: "x"}), put16(20, 5)), "hello"...))
	f.Add(written(f, "lib/", "lib/a.js", "index.js"))
	f.Add(withLocator())
	f.Add(overlapping())
	f.Add(sharing())
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{Entries: 20, UnpackedBytes: 1 << 20}
		r := bytes.NewReader(b)
		if Check(r, r.Size(), limits) != nil {
			return
		}
		z, err := zip.NewReader(r, r.Size())
		if err != nil {
			t.Fatalf("archive/zip: %v", err)
		}
		if len(z.File) == 0 || len(z.File) > limits.Entries {
			t.Fatalf("%d entries", len(z.File))
		}
		var sum int64
		places := map[string]bool{}
		for _, file := range z.File {
			place := filepath.Clean(strings.ReplaceAll(file.Name, `\`, "/"))
			if !filepath.IsLocal(file.Name) || !filepath.IsLocal(place) || places[place] {
				t.Fatalf("name %q", file.Name)
			}
			if !file.Mode().IsRegular() && !file.Mode().IsDir() {
				t.Fatalf("%q has mode %v", file.Name, file.Mode())
			}
			places[place] = true
			sum += readFile(t, file)
		}
		if sum > limits.UnpackedBytes {
			t.Fatalf("unpacks to %d bytes", sum)
		}
	})
}

func readFile(t *testing.T, file *zip.File) int64 {
	r, err := file.Open()
	if err != nil {
		t.Fatalf("%q: %v", file.Name, err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil || uint64(n) != file.UncompressedSize64 {
		t.Fatalf("%q: %d bytes of %d, %v", file.Name, n, file.UncompressedSize64, err)
	}
	return n
}
