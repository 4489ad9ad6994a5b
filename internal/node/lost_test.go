package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder whose database is gone, or was copied without its log, is no new
// folder: other code protection keys would be made in it.
func TestNoEmptyWorldBesideAnOldOne(t *testing.T) {
	cfg := Default()
	cfg.Data = t.TempDir()
	open := func() error {
		s, err := OpenStorage(t.Context(), cfg)
		if err == nil {
			_, err = s.data.adminToken()
			if closed := s.Close(); err == nil {
				err = closed
			}
		}
		return err
	}
	for range 2 {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	database, kept := filepath.Join(cfg.Data, databaseFile), filepath.Join(t.TempDir(), "kept")
	wantRefused := func(what, word string) {
		t.Helper()
		if err := open(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v; want it refused: %s", what, err, word)
		}
	}
	if err := os.Rename(database, kept); err != nil {
		t.Fatal(err)
	}
	wantRefused("beside a master key", "is missing")
	if _, err := os.Stat(database); err == nil {
		t.Error("a database was made")
	}
	if err := os.WriteFile(database, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused("an empty file", "is missing")
	code := filepath.Join(cfg.Data, codeFolder, "ab")
	if err := os.MkdirAll(code, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(code, "cd"), []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{masterKeyFile, AdminTokenFile} {
		if err := os.Rename(filepath.Join(cfg.Data, name), kept+name); err != nil {
			t.Fatal(err)
		}
	}
	wantRefused("beside code", "is missing")
	for _, name := range []string{masterKeyFile, databaseFile} {
		if err := os.Rename(kept+strings.TrimPrefix(name, databaseFile), filepath.Join(cfg.Data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(); err != nil {
		t.Errorf("with all of it put back: %v", err)
	}
}

// Who prepares a master key has a new folder all the same.
func TestPreparedMasterKey(t *testing.T) {
	cfg := Default()
	cfg.Data = t.TempDir()
	key := "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	if err := os.WriteFile(filepath.Join(cfg.Data, masterKeyFile), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStorage(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
