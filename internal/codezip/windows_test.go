package codezip

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestUnpackBackslashes: a backslash in a name is a slash to Unpack, as it is to
// Check: some writers of Windows put them there. (UP-7)
func TestUnpackBackslashes(t *testing.T) {
	z := makeZip(entry{name: `lib\`}, entry{name: `lib\sub\b.js`, body: "b"}, entry{name: "index.js", body: "i"})
	dir := filepath.Join(t.TempDir(), "out")
	if err := Unpack(bytes.NewReader(z), int64(len(z)), dir, UploadLimits); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"lib/sub/b.js": "b", "index.js": "i"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s is %q: %v", name, got, err)
		}
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) != 2 {
		t.Errorf("%v, %v", there, err)
	}
}
