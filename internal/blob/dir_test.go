package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/blobtest"
)

// folder is a Dir that knows where it is.
type folder struct {
	*blob.Dir
	path string
}

func openFolder(t *testing.T, path string) folder {
	t.Helper()
	d, err := blob.OpenDir(path, blob.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return folder{d, path}
}

func (f folder) file(sum blob.Sum) string {
	return filepath.Join(f.path, sum.String()[:2], sum.String())
}

func (f folder) drafts(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.path, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// alter writes into the file that is there: the same inode, no rename.
func alter(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	data = change(data)
	_, err = f.WriteAt(data, 0)
	if err := errors.Join(err, f.Truncate(int64(len(data))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDirPassesTheExam(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openFolder(t, t.TempDir()) }, blobtest.Hooks{
		Reopen: func(t *testing.T, s blob.Store) blob.Store { return openFolder(t, s.(folder).path) },
		Alter: func(t *testing.T, s blob.Store, sum blob.Sum, change func([]byte) []byte) {
			alter(t, s.(folder).file(sum), change)
		},
		Drafts: func(t *testing.T, s blob.Store) int { return s.(folder).drafts(t) },
	})
}

func TestParseSum(t *testing.T) {
	good := strings.Repeat("0123456789abcdef", 4)
	if sum, err := blob.ParseSum(good); err != nil || sum.String() != good {
		t.Errorf("%v, %v", sum, err)
	}
	for _, bad := range []string{
		"", good[1:], good + "0", strings.ToUpper(good), "A" + good[1:], "g" + good[1:], " " + good[1:], "../" + good[3:],
	} {
		if sum, err := blob.ParseSum(bad); err == nil || sum != (blob.Sum{}) {
			t.Errorf("%q: %v, %v", bad, sum, err)
		}
	}
}

func put(t *testing.T, s blob.Store, text string) blob.Sum {
	t.Helper()
	d, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	d.Write([]byte(text))
	if err := d.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d.Sum()
}

func TestOrphansAreRemoved(t *testing.T) {
	f := openFolder(t, t.TempDir())
	sum := put(t, f, "a blob")
	live, err := f.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live.Write([]byte("being written by a process beside"))

	orphan := "draft-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	kept := []string{"notes.txt", "tmp/notes.txt", "tmp/draft-notes", "tmp/folder/" + orphan, "ab/" + orphan, orphan}
	for _, name := range append(kept, "tmp/"+orphan, "tmp/draft-234567ABCDEFGHIJKLMNOPQRST") {
		name = filepath.Join(f.path, name)
		os.MkdirAll(filepath.Dir(name), 0o700)
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := openFolder(t, f.path)
	if n := again.drafts(t); n != 4 { // two notes, a folder, the live one
		t.Errorf("%d files in tmp, want 4", n)
	}
	for _, name := range kept {
		if _, err := os.Stat(filepath.Join(f.path, name)); err != nil {
			t.Errorf("not ours to remove: %v", err)
		}
	}
	if err := live.Commit(t.Context()); err != nil {
		t.Errorf("draft of the process beside: %v", err)
	}
	for _, sum := range []blob.Sum{sum, live.Sum()} {
		b, err := again.Open(t.Context(), sum)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
}

func TestModes(t *testing.T) {
	f := openFolder(t, filepath.Join(t.TempDir(), "new", "folder"))
	put(t, f, "a blob")
	draft, err := f.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Discard()
	files := 0
	err = filepath.WalkDir(filepath.Dir(f.path), func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = fs.ModeDir | 0o700
		} else {
			files++
		}
		if info.Mode() != want {
			t.Errorf("%s is %v, want %v", name, info.Mode(), want)
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestFileInTheWay(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, filepath.Join(name, "below")} {
		_, err := blob.OpenDir(path, blob.Config{})
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "choose another folder") {
			t.Errorf("error does not say what to do: %v", err)
		}
	}
}

func TestBlobGivesItsFile(t *testing.T) {
	f := openFolder(t, t.TempDir())
	b, err := f.Open(t.Context(), put(t, f, "a blob"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Seek(2, 0)
	rest := make([]byte, 10)
	if n, _ := b.(interface{ File() *os.File }).File().Read(rest); string(rest[:n]) != "blob" {
		t.Errorf("the file reads %q, want what the blob would", rest[:n])
	}
}

func TestPingSaysThatTheFolderIsGone(t *testing.T) {
	f := openFolder(t, t.TempDir())
	if err := os.Rename(filepath.Join(f.path, "tmp"), filepath.Join(f.path, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := f.Ping(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Ping: %v", err)
	}
}
