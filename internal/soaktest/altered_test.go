//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alterations are what may become of a file of stored code.
var alterations = []struct {
	name  string
	alter func(path string, code []byte) error
}{
	{"one bit in place", func(path string, code []byte) error {
		return inPlace(path, func(f *os.File) error {
			_, err := f.WriteAt([]byte{code[len(code)/2] ^ 1}, int64(len(code)/2))
			return err
		})
	}},
	{"one bit, and the time of the file set back", func(path string, code []byte) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		err = inPlace(path, func(f *os.File) error {
			_, err := f.WriteAt([]byte{code[9] ^ 1}, 9)
			return err
		})
		if err != nil {
			return err
		}
		return os.Chtimes(path, info.ModTime(), info.ModTime())
	}},
	{"cut off", func(path string, code []byte) error { return os.Truncate(path, int64(len(code)-1)) }},
	{"emptied", func(path string, code []byte) error { return os.Truncate(path, 0) }},
	{"lengthened", func(path string, code []byte) error {
		return inPlace(path, func(f *os.File) error {
			_, err := f.WriteAt([]byte{0}, int64(len(code)))
			return err
		})
	}},
	{"another zip", func(path string, code []byte) error {
		other := newZip(99, len(code))
		return os.WriteFile(path, other[:len(code)], 0o600)
	}},
	{"another file by rename", func(path string, code []byte) error {
		if err := os.WriteFile(path+".new", newZip(98, len(code)), 0o600); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}},
	{"gone", func(path string, code []byte) error { return os.Remove(path) }},
}

func inPlace(path string, change func(f *os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return change(f)
}

// TestAlteredCode alters stored code in all ways, before and after the server
// has served it, while it serves it and across a restart: nobody gets it as if
// it were sound, and the fault is counted.
//
// Proves: DF-11
func TestAlteredCode(t *testing.T) {
	l := launch{data: filepath.Join(t.TempDir(), "data")}
	first := l
	first.world = newWorld(t, 1)
	s := start(t, first)
	a := &alteredTest{t: t, s: s, c: login(t, s, 1)[0], env: envid(0, 0)}
	var err error
	a.key, err = a.c.codeSecret()
	must(t, "getcodesecret", err)

	counted := a.counted()
	for i := range alterations {
		a.prepare(i)
	}
	// A file that rests is one whose times can be trusted: what the server has
	// seen to be sound now, it may remember.
	time.Sleep(2100 * time.Millisecond)
	for i := range alterations {
		a.alter(i, i%2 == 0)
		a.refused(i)
	}
	if now := a.counted(); now <= counted {
		t.Errorf("altered code was asked for, and no metric of /metrics has counted it: %v, then %v", counted, now)
	}
	a.alteredUnderway()

	s.stop()
	a.s = start(t, l)
	a.c.base = a.s.api
	for i := range alterations {
		a.refused(i)
		a.repair(i)
	}
	a.s.stop()
}

type alteredTest struct {
	t     *testing.T
	s     *server
	c     *client
	env   string
	key   string
	codes [][]byte
}

// prepare uploads code that is about to be altered.
func (a *alteredTest) prepare(i int) {
	a.t.Helper()
	code := newZip(uint64(100+i), 200_000)
	a.codes = append(a.codes, code)
	must(a.t, "createfunction", a.c.createFunction(a.env, fnName("code", i)))
	must(a.t, "an upload", a.c.upload(a.env, fnName("code", i), a.key, code))
}

// alter alters it, at once after it was served if it is to be.
func (a *alteredTest) alter(i int, served bool) {
	a.t.Helper()
	path := blobPath(a.t, a.s.data, sumOf(a.codes[i]))
	if served {
		_, err := a.c.download(a.env, fnName("code", i))
		must(a.t, "a download before the alteration", err)
	}
	must(a.t, alterations[i].name, alterations[i].alter(path, a.codes[i]))
}

// refused expects that no request gets whole what is stored: the link is
// refused, or its answer is, or breaks off.
func (a *alteredTest) refused(i int) {
	a.t.Helper()
	link, _, err := a.c.link(a.env, fnName("code", i))
	if err != nil {
		if code, ok := refused(err); !ok || code == 0 {
			a.t.Errorf("%s: downloadfunction: %v", alterations[i].name, err)
		}
		return
	}
	for _, part := range []string{"", "bytes=0-", "bytes=0-99", "bytes=-100000", "bytes=0-9,99990-100010"} {
		req, err := http.NewRequest(http.MethodGet, link, nil)
		must(a.t, "a link", err)
		if part != "" {
			req.Header.Set("Range", part)
		}
		res, err := a.c.http.Do(req)
		if err != nil {
			continue // broken off
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil && res.StatusCode < 300 {
			a.t.Errorf("DF-11: code altered (%s) is served: range %q: status %d, %d bytes, not broken off",
				alterations[i].name, part, res.StatusCode, len(body))
		}
	}
}

// repair uploads the code again, which puts sound bytes in the place.
func (a *alteredTest) repair(i int) {
	a.t.Helper()
	must(a.t, "an upload of what was altered", a.c.upload(a.env, fnName("code", i), a.key, a.codes[i]))
	if _, err := a.c.download(a.env, fnName("code", i)); err != nil {
		a.t.Errorf("%s: uploaded again: %v", alterations[i].name, err)
	}
}

// counted is what /metrics tells of altered code.
func (a *alteredTest) counted() float64 {
	a.t.Helper()
	sum, _ := a.s.metric(func(name string) bool {
		for _, word := range []string{"corrupt", "altered", "damaged", "mismatch"} {
			if strings.Contains(name, word) {
				return true
			}
		}
		return false
	})
	return sum
}

// alteredUnderway alters code while somebody downloads it slowly: the answer
// breaks off.
func (a *alteredTest) alteredUnderway() {
	a.t.Helper()
	code := newZip(200, 14<<20)
	must(a.t, "createfunction", a.c.createFunction(a.env, "underway"))
	must(a.t, "an upload", a.c.upload(a.env, "underway", a.key, code))
	link, _, err := a.c.link(a.env, "underway")
	must(a.t, "downloadfunction", err)

	conn, err := net.Dial("tcp", strings.TrimPrefix(a.s.api, "http://"))
	must(a.t, "dial", err)
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	path := strings.TrimPrefix(link, a.s.api)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	begin := make([]byte, 64<<10)
	if _, err := io.ReadFull(conn, begin); err != nil || !bytes.HasPrefix(begin, []byte("HTTP/1.1 200")) {
		a.t.Fatalf("the download does not begin: %v", err)
	}
	must(a.t, "altering", inPlace(blobPath(a.t, a.s.data, sumOf(code)), func(f *os.File) error {
		_, err := f.WriteAt([]byte{code[len(code)-9] ^ 1}, int64(len(code)-9))
		return err
	}))
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	rest, _ := io.ReadAll(conn)
	_, body, _ := bytes.Cut(append(begin, rest...), []byte("\r\n\r\n"))
	if len(body) >= len(code) {
		a.t.Errorf("DF-11: code altered while it is downloaded comes whole, %d bytes", len(body))
	}
}

// TestOrphans kills the server in the midst of uploads, and expects that what
// they left is gone after the next start.
func TestOrphans(t *testing.T) {
	l := launch{data: filepath.Join(t.TempDir(), "data")}
	first := l
	first.world = newWorld(t, 1)
	s := start(t, first)
	clean := shapeOf(t, l.data)
	c := login(t, s, 1)[0]
	key, err := c.codeSecret()
	must(t, "getcodesecret", err)
	must(t, "createfunction", c.createFunction(envid(0, 0), "code"))
	body := uploadBody(envid(0, 0), "code", key, newZip(1, 4<<20))
	for range 3 {
		header, err := c.sign(body) // a signature opens one upload at a time
		must(t, "getuploadsignature", err)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.api, "http://"))
		must(t, "dial", err)
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nContent-Length: %d\r\n", len(body))
		header.Write(conn)
		conn.Write(append([]byte("\r\n"), body[:len(body)/2]...))
	}
	within(t, time.Minute, "uploads under way are seen in the data folder",
		func() bool { return len(clean.leftovers(t, l.data)) == 3 })
	s.kill()
	if left := clean.leftovers(t, l.data); len(left) == 0 {
		t.Error("the kill left nothing behind, so that this test shows nothing")
	}
	s = start(t, l)
	clean.check(t, l.data)
	s.stop()
}
