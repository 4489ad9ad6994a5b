package blob

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func openDir(t testing.TB, path string) *Dir {
	t.Helper()
	return openWith(t, path, Config{})
}

func openWith(t testing.TB, path string, cfg Config) *Dir {
	t.Helper()
	d, err := OpenDir(path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// commit stores data.
func commit(t testing.TB, d *Dir, data []byte) (Sum, error) {
	t.Helper()
	w, err := d.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	return w.Sum(), w.Commit(t.Context())
}

// watch calls during ahead of every sync, with the path of what is synced
// below the folder; its error is the sync's.
func watch(d *Dir, during func(what string) error) {
	d.sync = func(f *os.File) error {
		what, err := filepath.Rel(d.root.Name(), f.Name())
		if err == nil {
			err = during(filepath.ToSlash(what))
		}
		return errors.Join(err, f.Sync())
	}
}

var sumOfData = Sum(sha256.Sum256([]byte("data")))

func TestCommitOrder(t *testing.T) {
	path := t.TempDir()
	root, draft, name, folder := ".", "tmp/draft", sumOfData.name(), sumOfData.folder()
	expect := func(d *Dir, want ...string) {
		t.Helper()
		var got []string
		watch(d, func(what string) error {
			if strings.HasPrefix(what, draft) {
				what = draft
			}
			if _, err := os.Stat(filepath.Join(path, name)); err == nil {
				what += " named"
			}
			got = append(got, what)
			return nil
		})
		if _, err := commit(t, d, []byte("data")); err != nil || !slices.Equal(got, want) {
			t.Errorf("synced %q, %v, want %q", got, err, want)
		}
	}
	d := openDir(t, path)
	expect(d, root, draft, folder+" named")
	// The same bytes: another commit may have named them and not synced yet.
	expect(d, name+" named", folder+" named")
	// So may a process before this one, with the fan-out folder.
	d = openDir(t, path)
	expect(d, root+" named", name+" named", folder+" named")
	if err := os.RemoveAll(filepath.Join(path, folder)); err != nil {
		t.Fatal(err)
	}
	expect(d, root, draft, folder+" named")
}

func TestNewFolderIsDurable(t *testing.T) {
	path := t.TempDir()
	var synced []string
	openWith(t, filepath.Join(path, "a", "b"), Config{sync: func(f *os.File) error {
		synced = append(synced, f.Name())
		return f.Sync()
	}})
	if want := []string{path, filepath.Join(path, "a")}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
}

// TestCrash looks, between the steps of a commit, at what a start after a
// crash would find: nothing or what was there before, then the whole blob.
func TestCrash(t *testing.T) {
	for _, before := range []error{ErrNotFound, ErrCorrupt} {
		path := t.TempDir()
		d := openDir(t, path)
		if before == ErrCorrupt {
			sum, _ := commit(t, d, []byte("data"))
			if err := os.WriteFile(filepath.Join(path, sum.name()), []byte("rot"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		watch(d, func(what string) error {
			want := before
			if what == sumOfData.folder() {
				want = nil
			}
			opens(t, openDir(t, path), sumOfData, want)
			return nil
		})
		if _, err := commit(t, d, []byte("data")); err != nil {
			t.Errorf("Commit: %v", err)
		}
		opens(t, openDir(t, path), sumOfData, nil)
	}
}

// TestFaultOfEveryStep has every step of a commit fail as on a full disk.
func TestFaultOfEveryStep(t *testing.T) {
	for n, after := range []error{ErrNotFound, ErrNotFound, nil} { // the root, the draft, the folder
		path := t.TempDir()
		d := openDir(t, path)
		step := 0
		watch(d, func(string) error {
			if step++; step == n+1 {
				return syscall.ENOSPC
			}
			return nil
		})
		if _, err := commit(t, d, []byte("data")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("step %d: Commit: %v", n, err)
		}
		opens(t, d, sumOfData, after)
		noDrafts(t, path)
		if _, err := commit(t, d, []byte("data")); err != nil {
			t.Errorf("step %d: Commit with room again: %v", n, err)
		}
		opens(t, d, sumOfData, nil)
	}
}

func TestFaultOfRename(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	inTheWay := filepath.Join(path, sumOfData.name())
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := commit(t, d, []byte("data")); err == nil {
		t.Error("Commit over a folder succeeded")
	}
	noDrafts(t, path)
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if _, err := commit(t, d, []byte("data")); err != nil {
		t.Errorf("Commit with the way free: %v", err)
	}
}

func noDrafts(t *testing.T, path string) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(path, draftFolder)); err != nil || len(left) != 0 {
		t.Errorf("%d drafts are left, %v", len(left), err)
	}
}

func TestNoLinkLeadsOut(t *testing.T) {
	path, outside := t.TempDir(), t.TempDir()
	d := openDir(t, path)
	sum, err := commit(t, d, []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.Rename(filepath.Join(path, sum.folder()), filepath.Join(outside, sum.folder())),
		os.Symlink(filepath.Join(outside, sum.folder()), filepath.Join(path, sum.folder())),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), sum); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open over a link that leads out: %v", err)
	}
}

// settle waits until timestamps of files written before show that they are touched.
func settle() { time.Sleep(settleFor + 100*time.Millisecond) }
