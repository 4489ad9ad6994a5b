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
