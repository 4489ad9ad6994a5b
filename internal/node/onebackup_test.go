package node

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// TestOneBackup refuses a backup while another is made, and makes one after
// it.
func TestOneBackup(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	s, err := OpenStorage(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	svc := cloud.New(cloud.Config{Store: s.Store, Blobs: s.Blobs, Ring: s.Ring})
	t.Cleanup(func() { _ = svc.Close() })
	backup, operator := backupOf(s, svc, cfg, func() {}), svc.OperatorCaller("test")
	write := func(w io.Writer) error { return backup(t.Context(), operator, w) }
	begun, release, ended := make(chan bool, 1000), make(chan bool), make(chan error)
	go func() {
		ended <- write(writerFunc(func(p []byte) (int, error) {
			begun <- true
			<-release
			return len(p), nil
		}))
	}()
	<-begun
	if err := write(io.Discard); cloud.KindOf(err) != cloud.Conflict {
		t.Errorf("a second one: %v", err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := write(io.Discard); err != nil {
		t.Errorf("after it: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
