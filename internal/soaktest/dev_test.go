//go:build linux

package soaktest

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dev starts `opentcb dev` in a folder and returns it with the commands that it
// prints, once it has printed them all.
func dev(t *testing.T, dir string) (*server, []string) {
	t.Helper()
	s := begin(t, launch{verb: "dev", dir: dir})
	s.data = filepath.Join(dir, ".opentcb")
	within(t, readyWithin, "dev prints its commands and is quiet", func() bool {
		return len(commands(s.out.String())) >= 3 && !s.isEnded() && s.quiet()
	})
	found := commands(s.out.String())
	if len(found) < 3 {
		t.Fatalf("dev prints %d commands:\n%s%s", len(found), s.out.String(), s.log.String())
	}
	return s, found
}

const (
	quietFor  = 200 * time.Millisecond
	pasteTime = time.Minute
)

// quiet reports whether the server has printed nothing for a while.
func (s *server) quiet() bool {
	before := len(s.out.String())
	time.Sleep(quietFor)
	return len(s.out.String()) == before
}

func (s *server) isEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// commands are the lines of dev's output that are for pasting: those that
// begin with curl, with those that they go on in, after those that export what
// they use.
func commands(out string) []string {
	var exports string
	var all []string
	whole := strings.ReplaceAll(out, "\\\n", "")
	for line := range strings.Lines(whole) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "export "):
			exports += line + "\n"
		case strings.HasPrefix(line, "curl "):
			all = append(all, exports+line)
		}
	}
	return all
}

// TestDevLines pastes each command that dev prints into a shell, in several
// orders: each works by itself, whatever came before. One uploads, one
// downloads and checks.
func TestDevLines(t *testing.T) {
	for range length(3, 20) {
		dir := t.TempDir()
		s, lines := dev(t, dir)
		order := rand.Perm(len(lines))
		for _, i := range append(order, order...) {
			paste(t, dir, lines[i])
		}
		all := strings.Join(lines, "\n")
		for _, what := range []string{"getcodesecret", "usecloudaccesstoken", "downloadfunction", "sha256sum"} {
			if !strings.Contains(all, what) {
				t.Errorf("no command of dev has %s:\n%s", what, all)
			}
		}
		s.signal(syscall.SIGINT) // Ctrl-C
		s.awaitExit()
	}
}

var (
	fails    = regexp.MustCompile(`"errcode":\s*-?[1-9]|"Error":|FAILED`)
	succeeds = regexp.MustCompile(`"errcode":\s*0\b|"RequestId"|"pre_auth_code"|\bOK\b`)
	codeKey  = regexp.MustCompile(`"codesecret":\s*"([^"]{64})"`)
)

// paste runs a command as a shell would that it is pasted into.
func paste(t *testing.T, dir, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pasteTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || fails.Match(out) || !succeeds.Match(out) {
		t.Errorf("pasted, this does not work: %v\n%s\n%s", err, line, out)
	}
	return string(out)
}

// TestDevAgain starts dev, stops it and starts it again: it finds its data as
// it left them. Beside another in the same folder it does not start.
func TestDevAgain(t *testing.T) {
	dir := t.TempDir()
	s, lines := dev(t, dir)
	key := keyOf(t, dir, lines)
	failing{"dev beside another in its folder", dir, devved(), 1, []string{".opentcb", "another"}}.check(t)
	s.signal(syscall.SIGINT)
	s.awaitExit()
	for range 2 {
		again, lines := dev(t, dir)
		if keyOf(t, dir, lines) != key {
			t.Error("CS-4: dev, started again, has another code protection key")
		}
		for _, line := range lines {
			paste(t, dir, line)
		}
		again.kill() // the last time, not even told to stop
	}
}

// keyOf is the code protection key that one of the commands shows.
func keyOf(t *testing.T, dir string, lines []string) string {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(line, "getcodesecret") {
			continue
		}
		if key := codeKey.FindStringSubmatch(paste(t, dir, line)); key != nil {
			return key[1]
		}
	}
	t.Fatalf("no command shows the code protection key:\n%s", strings.Join(lines, "\n"))
	return ""
}
