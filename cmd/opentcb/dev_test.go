package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestDevKilled: where root runs functions as another user, what a dev that was killed
// has left is removed by a later one; what one that lives uses is not.
func TestDevKilled(t *testing.T) {
	if os.Geteuid() != 0 || testing.Short() {
		t.Skip("only root's code is in a temporary folder, and the short tests need no Node.js")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	all := func(in string) []string {
		found, err := filepath.Glob(filepath.Join(temp, devPrefix+"*", in))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	// dev starts one, and makes all folders as old as if they had been there for long.
	dev := func() (folders []string, kill func()) {
		cmd, _ := process(t, t.TempDir(), "dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
		for end := time.Now().Add(time.Minute); len(all("runtime")) < len(all("")); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it has no folder for code")
			}
		}
		long := time.Now().Add(-time.Hour)
		for _, folder := range all("") {
			if err := os.Chtimes(folder, long, long); err != nil {
				t.Fatal(err)
			}
		}
		return all(""), func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	}
	dead, kill := dev()
	kill()
	live, _ := dev()
	both, _ := dev()
	if len(dead) != 1 || len(live) != 1 || len(both) != 2 ||
		slices.Contains(both, dead[0]) || !slices.Contains(both, live[0]) {
		t.Errorf("the dead one had %v, a later one %v; with another there was %v", dead, live, both)
	}
}
