package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// passageLines is how long a passage of a page may be.
const passageLines = 40

// passages are the languages of docs/testing.md: how a block of one is called, by
// which file and how it is run.
var passages = []struct{ language, file, program, run string }{
	{"js", "mine.test.mjs", "node", "node --test mine.test.mjs"},
	{"python", "test_mine.py", "python3", "python3 -m unittest -v test_mine"},
	{"php", "mine_test.php", "php", "php mine_test.php"},
	{"java", "MineTest.java", "javac", "javac MineTest.java && java MineTest"},
}

// TestPassages runs the passages of docs/testing.md as a reader would, with the
// server that they start.
func TestPassages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	blockOf := func(language string) string {
		m := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(text)
		if m == nil {
			t.Fatalf("testing.md has no block of %s", language)
		}
		return string(m[1])
	}
	world := blockOf("yaml")
	for _, p := range passages {
		t.Run(p.language, func(t *testing.T) {
			t.Parallel()
			testserver.Program(t, p.program)
			source := blockOf(p.language)
			if n := strings.Count(source, "\n"); n > passageLines {
				t.Errorf("%d lines, over %d", n, passageLines)
			}
			folder := t.TempDir()
			for name, content := range map[string]string{"world.yaml": world, p.file: source} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", p.run)
			cmd.Dir, cmd.WaitDelay = folder, time.Minute
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", p.run, err, out)
			}
		})
	}
}
