//go:build unix

package agent_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
)

// TestReaders reads the file all the time while two agents, started at once,
// replace it a thousand times. There is always a whole token in it, for its
// owner alone.
//
// Proves: CC-6
func TestReaders(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	runBusy(t, file, 1)
	var agents, reader sync.WaitGroup
	var done atomic.Bool
	reads := 0
	reader.Go(func() {
		for ; !done.Load(); reads++ {
			if reads%16 == 0 {
				time.Sleep(50 * time.Microsecond) // or it takes a whole core from the agents
			}
			if text, mode, err := readOpen(file); err != nil || !isWhole(text) || mode != 0o600 {
				t.Errorf("read %q, %v, %v", text, mode, err)
				return
			}
		}
	})
	for range 2 {
		agents.Go(func() { runBusy(t, file, 500) })
	}
	agents.Wait()
	done.Store(true)
	reader.Wait()
	if reads < 100 { // on a fast disk the agents are done in 0.1 s
		t.Errorf("the file was read %d times only", reads)
	}
	wantAlone(t, file)
}

// runBusy runs an agent that renews a number of times without a pause.
func runBusy(t *testing.T, file string, times int) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	err := agent.Run(ctx, agent.Config{
		Out: file,
		Fetch: func(context.Context) (agent.Token, error) {
			n++
			return agent.Token{Value: whole(n), Life: time.Hour}, nil
		},
		After: func(time.Duration) <-chan time.Time {
			if n >= times {
				stop()
			}
			return time.After(0)
		},
	})
	if err != nil {
		t.Error(err)
	}
}

// readOpen reads text and mode of one and the same file.
func readOpen(file string) (string, os.FileMode, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	text, err := io.ReadAll(f)
	return string(text), info.Mode(), err
}

// wantAlone wants nothing but one file in its folder.
func wantAlone(t *testing.T, file string) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("beside the file there is %v, %v", left, err)
	}
}

// TestStartTogether starts agents of one file at the same moment. None takes
// what another tries or leaves for a fault.
func TestStartTogether(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	for range 25 {
		var agents sync.WaitGroup
		for range 4 {
			agents.Go(func() { runBusy(t, file, 1) })
		}
		agents.Wait()
	}
	wantAlone(t, file)
}

// TestWhatIsLeft removes what a killed agent of this very file left, and
// nothing else, in a folder whose name is a pattern.
func TestWhatIsLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[w*x")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stays := []string{".other.new-12", ".token.new-", ".token.new-2.new-3", ".token.new-a1", "token.new-12"}
	for _, name := range append(stays, ".token.new-12", ".token.new-4294967295") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runBusy(t, filepath.Join(dir, "token"), 1)
	var got []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := append(stays[:4:4], "token", stays[4])
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, %v; want %q", got, err, want)
	}
}

// TestNotAFile refuses at the start what must not be replaced by a token, and
// leaves it as it is.
func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link, dangling := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	err := errors.Join(syscall.Mkfifo(pipe, 0o644), os.Symlink("pipe", link), os.Symlink("nowhere", dangling))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"": "no file", dir: "folder", filepath.Join(dir, "new") + "/": "folder", pipe: "ordinary", link: "link", dangling: "link",
	} {
		before, _ := os.Lstat(file)
		d := newDesk(t, file)
		d.start()
		select {
		case err := <-d.ended:
			if err == nil || !strings.Contains(err.Error(), want) || d.fetched > 0 {
				t.Errorf("%q: %v after %d tokens, want the word %q", file, err, d.fetched, want)
			}
		case <-d.pauses:
			t.Errorf("%q is taken", file)
			_ = d.end()
		}
		if after, _ := os.Lstat(file); before != nil && (after == nil || after.Mode() != before.Mode()) {
			t.Errorf("%q was %v and is %v", file, before.Mode(), after)
		}
	}
}

// TestOtherModes closes a file that was open to others with the first token.
func TestOtherModes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, file)
	d.start()
	d.pausing()
	d.holds("token-1")
	_ = d.end()
}

// TestGroup lets a group read each file, and nobody else, and refuses a group
// that is not there before it gets a token.
func TestGroup(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.cfg.Group = strconv.Itoa(os.Getegid())
	d.start()
	for range 2 {
		d.pause()
		if _, mode, err := readOpen(d.cfg.Out); err != nil || mode != 0o640 {
			t.Errorf("the file's mode is %v, %v; want 0640", mode, err)
		}
	}
	d.pausing()
	_ = d.end()
	wantAlone(t, d.cfg.Out)
	d = newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.cfg.Group = "no-such-group"
	if err := agent.Run(t.Context(), d.cfg); err == nil || d.fetched > 0 || !strings.Contains(err.Error(), "--group") {
		t.Errorf("a group that is not there: %v after %d tokens", err, d.fetched)
	}
}

// TestFullDisk runs an agent in a process that cannot write a file longer than
// a token, as on a disk without room. A longer one is not written by half: the
// file is kept until one fits.
//
// Proves: CC-6
func TestFullDisk(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fullFile+"="+file)
	log, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if text, _, err := readOpen(file); err != nil || text != whole(4) {
		t.Errorf("the file holds %q, %v", text, err)
	}
	wantAlone(t, file)
	if s := string(log); strings.Count(s, "cannot be written") != 2 || !strings.Contains(s, "renewed again") ||
		strings.Contains(s, whole(1)[:9]) {
		t.Errorf("the log is\n%s", s)
	}
}

// fullFile tells the test's own binary to be the agent of TestFullDisk.
const fullFile = "AGENT_TEST_FULL"

// beFull gets tokens of which the second and the third do not fit, and looks
// at the file before each.
func beFull(file string) error {
	signal.Ignore(syscall.SIGXFSZ)
	most := uint64(len(whole(1)))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	held, n := "", 0
	return agent.Run(ctx, agent.Config{
		Out: file, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Fetch: func(context.Context) (agent.Token, error) {
			if text, _, err := readOpen(file); n > 0 && (err != nil || text != held) {
				return agent.Token{}, agent.Permanent(errors.New("the file was not kept"))
			}
			n++
			token := whole(n)
			switch n {
			case 1, 4:
				held = token
			case 2, 3:
				token += token
			default:
				stop()
				return agent.Token{}, ctx.Err()
			}
			return agent.Token{Value: token, Life: time.Hour}, nil
		},
		After: func(time.Duration) <-chan time.Time { return time.After(0) },
	})
}
