//go:build unix

package agent_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
)

// shelf is where a keeper of code gets it from. It lets the keeper look as often as the
// test says, by steps.
type shelf struct {
	t     testing.TB
	dir   string
	zips  map[string][]byte // what is sent, by sum
	text  string            // the list of functions
	err   error             // of the next looks
	steps chan struct{}     // the keeper waits for another look
	told  []string          // what Changed was given
	log   bytes.Buffer
	now   atomic.Int64
	cfg   agent.CodeConfig
}

func newShelf(t testing.TB, dir string) *shelf {
	s := &shelf{t: t, dir: dir, zips: map[string][]byte{}, steps: make(chan struct{})}
	s.now.Store(time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC).UnixNano())
	s.cfg = agent.CodeConfig{
		Dir: dir, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		List: func(context.Context, string) (agent.Listing, error) {
			return agent.Listing{Tag: "t", Text: []byte(s.text)}, s.err
		},
		Code: func(_ context.Context, _, sum string, w io.Writer) error {
			_, err := w.Write(s.zips[sum])
			return err
		},
		Changed: func(text []byte) { s.told = append(s.told, string(text)) },
		Now:     func() time.Time { return time.Unix(0, s.now.Load()) },
		After: func(time.Duration) <-chan time.Time {
			s.steps <- struct{}{} // one look is over
			<-s.steps             // there may be another
			return time.After(0)
		},
	}
	return s
}

// codeFolder returns where code may be kept. Its folders are read-only, and are made
// ones that can be removed in the end.
func codeFolder(t testing.TB) string {
	dir := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	return filepath.Join(dir, "code")
}

// has makes the list that of functions, each with one version of its code.
func (s *shelf) has(versions map[string]int) {
	s.text = listText(s.zips, versions)
}

func listText(zips map[string][]byte, versions map[string]int) string {
	var items []string
	for name, n := range versions {
		sum := codeZip(zips, n)
		items = append(items, fmt.Sprintf(`{"name":%q,"sum":%q,"size":%d,"modified_at":"2026-11-28T09:00:%02dZ","timeout":3}`,
			name, sum, len(zips[sum]), n%60))
	}
	return `{"items":[` + strings.Join(items, ",") + `],"api_url":"http://api"}`
}

// codeZip adds the zip of a version, whose files say which it is, and returns its sum.
func codeZip(zips map[string][]byte, n int) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"index.js", "lib/a.js", "lib/b.js"} {
		w, _ := z.Create(name)
		_, _ = fmt.Fprintf(w, "version %d", n)
	}
	_ = z.Close()
	sum := sha256.Sum256(b.Bytes())
	zips[hex.EncodeToString(sum[:])] = b.Bytes()
	return hex.EncodeToString(sum[:])
}

// start starts the keeper, and returns when it has looked once. end ends it.
func (s *shelf) start() (end func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- agent.KeepCode(ctx, s.cfg) }()
	select {
	case <-s.steps:
	case err := <-ended:
		s.t.Fatalf("it ended with %v", err)
	}
	return func() {
		s.t.Helper()
		stop()
		s.steps <- struct{}{}
		if err := <-ended; err != nil {
			s.t.Errorf("it ended with %v", err)
		}
	}
}

// look lets it look once more.
func (s *shelf) look() {
	s.steps <- struct{}{}
	<-s.steps
}

// holds wants the folder to have these versions of functions and no others.
func (s *shelf) holds(what string, versions map[string]int) {
	s.t.Helper()
	if err := wantFolder(s.dir, versions); err != nil {
		s.t.Errorf("%s: %v\n%s", what, err, &s.log)
	}
}

// wantFolder returns what is not right about a folder that has versions of functions.
func wantFolder(dir string, versions map[string]int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	links := 0
	for _, e := range entries {
		if e.Type() == fs.ModeSymlink {
			links++
		}
	}
	if links != len(versions) {
		return fmt.Errorf("%d links, want %d", links, len(versions))
	}
	var list struct{ Items []struct{ Name, Sum string } }
	text, err := os.ReadFile(filepath.Join(dir, agent.FunctionsFile))
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil || len(list.Items) != len(versions) {
		return fmt.Errorf("%s holds %d functions: %v", agent.FunctionsFile, len(list.Items), err)
	}
	for _, f := range list.Items {
		if to, err := os.Readlink(filepath.Join(dir, f.Name)); err != nil || to != agent.VersionsFolder+"/"+f.Sum {
			return fmt.Errorf("%s leads to %q, %v, and has the sum %s", f.Name, to, err, f.Sum)
		}
	}
	for name, n := range versions {
		if got, err := wholeVersion(filepath.Join(dir, name)); err != nil || got != n {
			return fmt.Errorf("%s has version %d, %v; want %d", name, got, err, n)
		}
	}
	return nil
}

// wholeVersion returns the version that all files of a function's folder have, as
// somebody sees it who opens the folder once.
func wholeVersion(dir string) (n int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	for i, name := range []string{"index.js", "lib/a.js", "lib/b.js"} {
		text, err := root.ReadFile(name)
		if err != nil {
			return 0, err
		}
		var m int
		if _, err := fmt.Sscanf(string(text), "version %d", &m); err != nil || i > 0 && m != n {
			return 0, fmt.Errorf("%s is %q, and index.js of version %d", name, text, n)
		}
		n = m
		if info, err := root.Stat(name); err != nil || info.Mode() != 0o444 {
			return 0, fmt.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	for _, name := range []string{".", "lib"} {
		if info, err := root.Stat(name); err != nil || info.Mode() != fs.ModeDir|0o555 {
			return 0, fmt.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	return n, nil
}

// versions returns how many versions are kept, and that nothing else is beside them.
func (s *shelf) versions() int {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, agent.VersionsFolder))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Name()) != 64 {
			s.t.Errorf("beside the versions there is %s", e.Name())
		}
	}
	return len(entries)
}

// TestCodeFollows: the folder follows the server, forth and back. A version stays ten
// minutes after it was replaced, over a restart too, and a function that is gone loses its
// link.
//
// Proves: RT-4
func TestCodeFollows(t *testing.T) {
	s := newShelf(t, codeFolder(t))
	s.has(map[string]int{"hello": 1, "other": 1})
	end := s.start()
	s.holds("at first", map[string]int{"hello": 1, "other": 1})
	if info, err := os.Stat(filepath.Join(s.dir, agent.FunctionsFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("the list has the mode %v, %v: it has the values of variables", info.Mode(), err)
	}
	s.look()
	if len(s.told) != 1 {
		t.Errorf("nothing was changed, and it told %q", s.told)
	}
	s.has(map[string]int{"hello": 2, "other": 1})
	s.look()
	s.holds("replaced", map[string]int{"hello": 2, "other": 1})
	s.has(map[string]int{"hello": 2})
	s.look()
	s.holds("gone", map[string]int{"hello": 2})
	s.now.Add(int64(9 * time.Minute))
	s.look()
	if n := s.versions(); n != 2 {
		t.Errorf("nine minutes later: %d versions, want 2", n)
	}
	s.has(map[string]int{"hello": 1})
	s.look()
	s.holds("back", map[string]int{"hello": 1})
	if log := s.log.String(); !strings.Contains(log, "gone back to older code") || strings.Count(log, "gone back") != 1 {
		t.Errorf("the log is\n%s", log)
	}
	end()
	s.now.Add(int64(6 * time.Minute)) // 15 since version 1 was replaced, which is back; 6 since version 2 was
	end = s.start()
	if n := s.versions(); n != 2 {
		t.Errorf("after a restart: %d versions, want 2", n)
	}
	s.now.Add(int64(4 * time.Minute))
	s.look()
	s.holds("in the end", map[string]int{"hello": 1})
	if n := s.versions(); n != 1 {
		t.Errorf("ten minutes after it was replaced: %d versions, want 1", n)
	}
	end()
	if len(s.told) != 5 || s.told[3] != s.told[4] || !strings.Contains(s.told[4], `"api_url": "http://api"`) ||
		!strings.Contains(s.told[4], `"timeout": 3`) {
		t.Errorf("it told %q", s.told)
	}
}

// TestCodeStays: altered bytes, more than there should be, an answer that is none, and a
// server that is away change nothing of a function. Others go on, and so does it by
// itself.
//
// Proves: RT-5
func TestCodeStays(t *testing.T) {
	s := newShelf(t, codeFolder(t))
	s.has(map[string]int{"hello": 1, "other": 1})
	end := s.start()
	s.has(map[string]int{"hello": 2, "other": 3})
	sum := codeZip(s.zips, 2)
	good := s.zips[sum]
	altered := bytes.Clone(good)
	altered[40] ^= 1
	for what, sent := range map[string][]byte{
		"altered": altered, "cut": good[:len(good)-1], "longer": append(bytes.Clone(good), 0), "nothing": nil,
		"of another": s.zips[codeZip(s.zips, 4)],
	} {
		s.zips[sum] = sent
		s.look()
		s.holds(what, map[string]int{"hello": 1, "other": 3})
	}
	list := s.text
	for _, text := range []string{
		"<html>", `{"items":{}}`, `{}`, `{"items":[{"name":"../x","sum":"` + sum + `"}]}`, `{"items":[{"name":"x","sum":"../../x"}]}`,
	} {
		s.text = text
		s.look()
		s.holds(text, map[string]int{"hello": 1, "other": 3})
	}
	s.text, s.err = list, errors.New("away")
	s.look()
	s.holds("away", map[string]int{"hello": 1, "other": 3})
	end()
	s.told = nil
	end = s.start()
	s.holds("restarted while it is away", map[string]int{"hello": 1, "other": 3})
	if len(s.told) != 1 || !strings.Contains(s.told[0], `"hello"`) {
		t.Errorf("restarted while it is away, it told %q", s.told)
	}
	s.zips[sum], s.err = good, nil
	s.look()
	s.holds("mended", map[string]int{"hello": 2, "other": 3})
	end()
	if log := s.log.String(); !strings.Contains(log, "code is kept again") || !strings.Contains(log, "sent other code") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestCodeInTheWay: what is in the place of a link is not touched, versions that somebody
// removed are fetched again, and what a killed one left is removed.
func TestCodeInTheWay(t *testing.T) {
	dir := codeFolder(t)
	s := newShelf(t, dir)
	versions := filepath.Join(dir, agent.VersionsFolder)
	for _, name := range []string{"hello/mine", ".versions/.new-x/lib", ".versions/.old-x"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(versions, ".new-x"), 0o555); err != nil {
		t.Fatal(err)
	}
	s.has(map[string]int{"hello": 1, "other": 1})
	end := s.start()
	if _, err := os.Stat(filepath.Join(dir, "hello", "mine")); err != nil || !strings.Contains(s.log.String(), "is not a link") {
		t.Errorf("what was there: %v\n%s", err, &s.log)
	}
	if n, err := wholeVersion(filepath.Join(dir, "other")); n != 1 {
		t.Errorf("the other function: %v", err)
	}
	s.versions()
	err := errors.Join(os.RemoveAll(filepath.Join(dir, "hello")), os.Rename(versions, filepath.Join(dir, "moved")))
	if err != nil {
		t.Fatal(err)
	}
	end()
	end = s.start()
	s.holds("nothing is in the way", map[string]int{"hello": 1, "other": 1})
	end()
}

// TestCodeOfTwo: of two agents of a folder one comes to the server no more, and does not
// remove the version that the other went back to.
//
// Proves: RT-4
func TestCodeOfTwo(t *testing.T) {
	dir := codeFolder(t)
	away, other := newShelf(t, dir), newShelf(t, dir)
	away.has(map[string]int{"hello": 1})
	end := away.start()
	away.has(map[string]int{"hello": 2})
	away.look()
	away.err = errors.New("the server is away")
	other.has(map[string]int{"hello": 1})
	endOther := other.start()
	away.now.Add(int64(2 * agent.DefaultKeep))
	away.look()
	other.holds("ten minutes later", map[string]int{"hello": 1})
	endOther()
	end()
}

// keepBusy keeps code whose version is another at every look, without a pause, and ends
// after so many looks; 0: never.
func keepBusy(ctx context.Context, dir string, looks int, keep time.Duration) error {
	zips := map[string][]byte{}
	var texts [5]string
	for n := range texts {
		texts[n] = listText(zips, map[string]int{"hello": n, "other": n % 2})
	}
	n := 0
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return agent.KeepCode(ctx, agent.CodeConfig{
		Dir: dir, Keep: keep,
		List: func(context.Context, string) (agent.Listing, error) {
			if n++; n == looks {
				stop()
			}
			return agent.Listing{Text: []byte(texts[n%len(texts)])}, nil
		},
		Code:  func(_ context.Context, _, sum string, w io.Writer) error { _, err := w.Write(zips[sum]); return err },
		After: func(time.Duration) <-chan time.Time { return time.After(0) },
	})
}

// TestCodeReaders reads a function's folder all the time while two keepers replace it.
//
// Proves: RT-4
func TestCodeReaders(t *testing.T) {
	t.Parallel()
	dir := codeFolder(t)
	if err := keepBusy(t.Context(), dir, 1, 0); err != nil {
		t.Fatal(err)
	}
	var keepers, reader sync.WaitGroup
	var done atomic.Bool
	reads := 0
	reader.Go(func() {
		for ; !done.Load(); reads++ {
			if _, err := wholeVersion(filepath.Join(dir, "hello")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2 {
		keepers.Go(func() {
			if err := keepBusy(t.Context(), dir, 200, 0); err != nil {
				t.Error(err)
			}
		})
	}
	keepers.Wait()
	done.Store(true)
	if reader.Wait(); reads < 100 {
		t.Errorf("it was read %d times only", reads)
	}
}
