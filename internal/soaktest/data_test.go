//go:build linux

package soaktest

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// blobName is the name of a file of stored code: the hash of its bytes.
var blobName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// files are the regular files of a data folder, relative to it.
func files(t testing.TB, data string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // gone while we looked
		}
		if err == nil && d.Type().IsRegular() {
			name, _ := filepath.Rel(data, path)
			names = append(names, name)
		}
		return err
	})
	must(t, "walking the data folder", err)
	return names
}

// shape is the set of files that a server has when it just started on a fresh
// folder. Whatever else is there but code was left behind by somebody.
type shape map[string]bool

func shapeOf(t testing.TB, data string) shape {
	s := shape{}
	for _, name := range files(t, data) {
		s[name] = true
	}
	return s
}

// leftovers are the files that do not belong there. The companions of a SQLite
// database come and go.
func (s shape) leftovers(t testing.TB, data string) []string {
	var left []string
	for _, name := range files(t, data) {
		base := name
		for _, end := range []string{"-wal", "-shm", "-journal"} {
			base = strings.TrimSuffix(base, end)
		}
		if !s[name] && !s[base] && !blobName.MatchString(filepath.Base(name)) {
			left = append(left, name)
		}
	}
	return left
}

// check fails the test if temporary files lie about.
func (s shape) check(t testing.TB, data string) {
	t.Helper()
	if left := s.leftovers(t, data); len(left) > 0 {
		t.Errorf("left behind in the data folder: %q", left)
	}
}

// blobPath finds the file of stored code.
func blobPath(t testing.TB, data, sum string) string {
	t.Helper()
	for _, name := range files(t, data) {
		if filepath.Base(name) == sum {
			return filepath.Join(data, name)
		}
	}
	t.Fatalf("no file named %s in the data folder", sum)
	return ""
}

// checkBlobs fails the test if a file of stored code is not what its name
// says: half written, for example.
func checkBlobs(t testing.TB, data string) {
	t.Helper()
	for _, name := range files(t, data) {
		if !blobName.MatchString(filepath.Base(name)) {
			continue
		}
		code, err := os.ReadFile(filepath.Join(data, name))
		if err != nil || sumOf(code) != filepath.Base(name) {
			t.Errorf("stored code %s: %d bytes with the hash %s, %v", name, len(code), sumOf(code), err)
		}
	}
}

// databases are the SQLite files of a data folder.
func databases(t testing.TB, data string) []string {
	t.Helper()
	var found []string
	for _, name := range files(t, data) {
		path := filepath.Join(data, name)
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		head := make([]byte, 16)
		if _, err := io.ReadFull(f, head); err == nil && bytes.Equal(head, []byte("SQLite format 3\x00")) {
			found = append(found, path)
		}
		f.Close()
	}
	if len(found) == 0 {
		t.Error("no database in the data folder")
	}
	return found
}

// checkDatabase fails the test unless the database is sound. It looks at a
// copy, so that the folder stays as the server left it. The server is not
// running.
func checkDatabase(t testing.TB, data string) {
	t.Helper()
	for _, path := range databases(t, data) {
		copied := filepath.Join(t.TempDir(), filepath.Base(path))
		for _, end := range []string{"", "-wal", "-journal"} {
			b, err := os.ReadFile(path + end)
			if os.IsNotExist(err) {
				continue
			}
			must(t, "copying the database", err)
			must(t, "copying the database", os.WriteFile(copied+end, b, 0o600))
		}
		if err := integrity(copied); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		os.Remove(copied)
	}
}

func integrity(path string) error {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("pragma integrity_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity_check: %s", verdict)
	}
	rows, err := db.Query("pragma foreign_key_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		return fmt.Errorf("foreign_key_check finds rows without their parent")
	}
	return rows.Err()
}
