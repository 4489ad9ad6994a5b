package proxytest

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// start runs a proxy until the test ends, and waits until it listens. logs is
// the folder that it logs to; what it prints counts as log too.
func (s *stand) start(t *testing.T, cmd *exec.Cmd, logs string) {
	t.Helper()
	printed := &testserver.Output{}
	cmd.Stdout, cmd.Stderr = printed, printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { stop(t, cmd, ended) })
	s.logs = func() string { return printed.String() + filesBelow(t, logs) }
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.proxy)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) || len(ended) > 0 {
			t.Fatalf("%s does not listen:\n%s", cmd.Path, s.logs())
		}
	}
}

func stop(t *testing.T, cmd *exec.Cmd, ended chan error) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not stop", cmd.Path)
		_ = cmd.Process.Kill()
		<-ended
	}
}

func filesBelow(t *testing.T, folder string) string {
	var all []byte
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
