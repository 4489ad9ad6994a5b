package backup_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// TestRefusedIsUntouched wants nothing written where a restore is refused.
func TestRefusedIsUntouched(t *testing.T) {
	t.Parallel()
	archive := filled(t, folder(t), 3).archive(t)
	flipped := bytes.Clone(archive)
	flipped[len(flipped)/2] ^= 4
	for name, open := range map[string]func(testing.TB) storage{
		"SQLite and a folder": folder, "Postgres and a bucket": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := open(t)
			before := to.state(t)
			for what, bad := range map[string][]byte{
				"cut short": archive[:len(archive)-1], "flipped": flipped, "nothing": nil,
				"something follows": append(bytes.Clone(archive), 'x'),
			} {
				if err := to.restore(t.Context(), bad); !errors.Is(err, backup.ErrBroken) {
					t.Errorf("%s: %v", what, err)
				}
				to.untouched(t, what, before)
			}
			must(t, to.BindKey(t.Context(), "another"))
			before = to.state(t)
			err := to.restore(t.Context(), archive)
			if err == nil || !strings.Contains(err.Error(), keyID) || !strings.Contains(err.Error(), "another") {
				t.Errorf("another key: %v", err)
			}
			to.untouched(t, "another key", before)
		})
		t.Run(name+" with a row", func(t *testing.T) {
			t.Parallel()
			to := open(t)
			must(t, to.AppendRecords(t.Context(), []cloud.Record{{At: 1, Action: "something"}}))
			before := to.state(t)
			if err := to.restore(t.Context(), archive); !errors.Is(err, sqlstore.ErrNotEmpty) {
				t.Errorf("not empty: %v", err)
			}
			to.untouched(t, "not empty", before)
		})
	}
}

// TestRestoreAgain: a restore that failed, wherever it did, leaves a database
// as empty as before, and can be done again.
func TestRestoreAgain(t *testing.T) {
	t.Parallel()
	from := filled(t, folder(t), 20)
	archive, to := from.archive(t), folder(t)
	before := to.state(t)
	full := errors.New("the disk is full")
	for n := range 10 {
		a, err := backup.Open(t.Context(), bytes.NewReader(archive), ring, nil)
		must(t, err)
		if err := a.Restore(t.Context(), to.Store, &fullAfter{to.blobs, n, full}, nil); !errors.Is(err, full) {
			t.Fatalf("full after %d: %v", n, err)
		}
		if !slices.Equal(to.state(t), before) {
			t.Fatalf("full after %d: rows are left", n)
		}
	}
	for _, step := range []string{"restoring code", "restoring rows"} {
		ctx, cancel := context.WithCancel(t.Context())
		a, err := backup.Open(t.Context(), bytes.NewReader(archive), ring, nil)
		must(t, err)
		err = a.Restore(ctx, to.Store, to.blobs, func(at string, n int64) {
			if at == step && n > 5000 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while %s: %v", step, err)
		}
	}
	must(t, to.restore(t.Context(), archive))
	if !slices.Equal(to.state(t), from.state(t)) {
		t.Error("it is not what was backed up")
	}
}

// TestOldArchive restores an archive that a program of this format wrote.
func TestOldArchive(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/format2.tar.gz.base64")
	must(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, file))
	must(t, err)
	archive, err := io.ReadAll(unpacked)
	must(t, err)
	sum, err := backup.Verify(t.Context(), bytes.NewReader(archive), ring, nil)
	must(t, err)
	if sum.Format != 2 || sum.Code != 2 || sum.Rows["functions"] != 3 || sum.Made != "2026-01-31T15:04:05Z" {
		t.Errorf("summary %+v", sum)
	}
	to := folder(t)
	must(t, to.restore(t.Context(), archive))
	got, err := backup.Verify(t.Context(), bytes.NewReader(to.archive(t)), ring, nil)
	if err != nil || got.CodeBytes != sum.CodeBytes {
		t.Errorf("backed up again: %+v, %v", got, err)
	}
}

// fullAfter is storage with room for so many pieces of code.
type fullAfter struct {
	blob.Store
	room int
	err  error
}

func (f *fullAfter) Create(ctx context.Context) (blob.Draft, error) {
	if f.room--; f.room < 0 {
		return nil, f.err
	}
	return f.Store.Create(ctx)
}

// TestChangedBetween refuses an archive that is changed after it was verified,
// at any byte that is read again.
func TestChangedBetween(t *testing.T) {
	t.Parallel()
	archive := filled(t, folder(t), 2).archive(t)
	to := folder(t)
	code := bytes.Index(archive, []byte("code/"))
	for n := 0; n < len(archive); n += 997 {
		file := &changing{Reader: *bytes.NewReader(bytes.Clone(archive)), archive: archive, at: n}
		for _, pass := range []int{1, 2} {
			if pass == 2 && n >= code {
				continue // the rows alone are read a third time
			}
			file.from = pass
			file.pass = -1
			a, err := backup.Open(t.Context(), file, ring, nil)
			must(t, err)
			if err := a.Restore(t.Context(), to.Store, to.blobs, nil); err == nil {
				t.Fatalf("byte %d was changed before reading %d unseen", n, pass+1)
			}
			must(t, to.blobs.(blob.Collector).List(t.Context(), func(sum blob.Sum, _ int64, _ time.Time) error {
				if !bytes.Contains(archive, []byte("code/"+sum.String())) {
					t.Errorf("byte %d: other code was stored", n)
				}
				return nil
			}))
			if after := to.state(t); len(after) != 1 { // the key it is bound to
				t.Fatalf("byte %d: rows are left", n)
			}
		}
	}
}

// changing is a file one of whose bytes changes before it is read a further
// time.
type changing struct {
	bytes.Reader
	archive        []byte
	at, from, pass int
}

func (c *changing) Seek(off int64, whence int) (int64, error) {
	c.pass++
	b := bytes.Clone(c.archive)
	if c.pass >= c.from {
		b[c.at] ^= 1
	}
	c.Reset(b)
	return c.Reader.Seek(off, whence)
}

var _ io.ReadSeeker = (*changing)(nil)
