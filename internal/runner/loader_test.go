//go:build unix

package runner_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
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
	node := testserver.Program(t, "node")
	if out, err := exec.Command(node, "--test", "loader.test.js").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
