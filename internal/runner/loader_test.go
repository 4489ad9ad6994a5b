//go:build unix

package runner_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLoader runs the loader's own tests, and keeps it a file to be read.
func TestLoader(t *testing.T) {
	text, err := os.ReadFile("loader.js")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 200 {
		t.Errorf("loader.js has %d lines, over 200", n)
	}
	if testing.Short() {
		t.Skip("the short tests need only Go")
	}
	if _, err := exec.LookPath("node"); err != nil && os.Getenv("OPENTCB_TEST_ALL") == "" {
		t.Skip(err)
	}
	if out, err := exec.Command("node", "--test", "loader.test.js").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
