package codezip

import (
	"archive/zip"
	"bytes"
	"testing"
)

// TestHiddenEntry refuses an entry that the directory does not list: who
// unpacks while reading would find it.
func TestHiddenEntry(t *testing.T) {
	for name, before := range map[string]string{"hidden": "../../x", "nothing": ""} {
		var b bytes.Buffer
		if before != "" {
			add(t, zip.NewWriter(&b), before) // never closed: no directory
		}
		w := zip.NewWriter(&b)
		w.SetOffset(int64(b.Len()))
		add(t, w, "index.js")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		err := Check(bytes.NewReader(b.Bytes()), int64(b.Len()), UploadLimits)
		if refused := err != nil; refused != (before != "") {
			t.Errorf("%s before the listed entry: %v", name, err)
		}
	}
}

func add(t *testing.T, w *zip.Writer, name string) {
	t.Helper()
	f, err := w.CreateRaw(&zip.FileHeader{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// TestSecondName refuses a second name, in the field of a name in UTF-8, that
// a first may not be, or that an ASCII name does not need.
func TestSecondName(t *testing.T) {
	for _, c := range []struct {
		name, other string
		refused     bool
	}{
		{"a.js", "a.js", false},
		{"a.js", "../../x", true},
		{"a.js", "b.js", true},
		{"\xd6\xd0.js", "中.js", false},
		{"\xd6\xd0.js", "../中.js", true},
		{"\xd6\xd0.js", "/etc/x", true},
	} {
		field := append([]byte{0x75, 0x70, byte(5 + len(c.other)), 0, 1, 0, 0, 0, 0}, c.other...)
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		if _, err := w.CreateRaw(&zip.FileHeader{Name: c.name, NonUTF8: true, Extra: field}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		// In both headers, in the directory alone, in the local header alone.
		local, directory := bytes.Index(b.Bytes(), field), bytes.LastIndex(b.Bytes(), field)
		for where, hidden := range map[string]int{"both": -1, "directory": local, "local": directory} {
			zipped := bytes.Clone(b.Bytes())
			if hidden >= 0 {
				zipped[hidden], zipped[hidden+1] = 0xff, 0xff // a field that nobody knows
			}
			err := Check(bytes.NewReader(zipped), int64(len(zipped)), UploadLimits)
			if refused := err != nil; refused != c.refused {
				t.Errorf("%q, %q in %s: %v", c.name, c.other, where, err)
			}
		}
	}
}
