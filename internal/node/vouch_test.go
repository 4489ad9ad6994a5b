package node

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opentcb/opentcb/internal/seal"
)

// Rows of an archive whose program knew no MACs are given theirs: the archive
// is vouched for as a whole.
func TestRestoredRowsAreVouchedFor(t *testing.T) {
	file, err := os.Open("../backup/testdata/format2.tar.gz.base64")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, file))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.MasterKey = seal.FormatMasterKey(bytes.Repeat([]byte{7}, seal.MasterKeyBytes))
	if _, err := Restore(t.Context(), cfg, bytes.NewReader(archive), nil); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStorage(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Store.CheckRows(t.Context(), func(what string) error { t.Error(what); return nil }); err != nil {
		t.Error(err)
	}
	var n int
	err = s.Store.Dump(t.Context(), func(table string, columns []string, values []any) error {
		if i := len(columns) - 1; columns[i] == "mac" {
			if n++; values[i] == "" {
				t.Errorf("a row of %s has no MAC", table)
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}
