package fleet

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzJournal: whatever a journal holds, it can be gone on with, what is added
// is found again, and what was not done is not taken for done.
func FuzzJournal(f *testing.F) {
	open := true
	e, other := Env{ID: "env-1", Open: &open}, Env{ID: "env-1"}
	f.Add([]byte(""))
	f.Add([]byte(line("wx1", e) + "\n"))
	f.Add([]byte(line("wx1", e)))
	f.Add([]byte(line("wx1", e) + "\n" + line("wx2", e)[:20]))
	f.Add([]byte("{}\n[]\nnull\n\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(name, true)
		if err != nil {
			t.Fatal(err)
		}
		if j.Done("wx3", other) {
			t.Error("done, and was not")
		}
		if err := errors.Join(j.Add("wx3", e), j.Close()); err != nil {
			t.Fatal(err)
		}
		if j, err = OpenJournal(name, true); err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		if !j.Done("wx3", e) {
			t.Error("what was added is not there")
		}
	})
}
