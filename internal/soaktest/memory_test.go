//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The bounds of what uploads may hold, in KiB above what the server has at
// rest.
const (
	oneUpload  = 8 << 10
	tenUploads = 100 << 10
)

// ballast is what a server has in use from its start, in MiB. Before that it
// has less.
const ballast = 32

// nearlyFull is the size of a zip that is nearly 20 MiB as base64 (UP-7).
const nearlyFull = 15<<20 - 1000

// TestUploadMemory uploads code of nearly 20 MiB of base64 to a server as it is
// shipped that has had one small upload and rests. What an upload holds is what
// the garbage collector finds in use, and what the process takes beyond what it
// had. How much garbage waits depends on when the collector gets a core: it is
// told to wait for next to none, and to report what it finds.
func TestUploadMemory(t *testing.T) {
	s := start(t, launch{
		data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1),
		env: []string{"GOGC=1", "GODEBUG=gctrace=1"},
	})
	m := &memoryTest{s: s, c: login(t, s, 1)[0]}
	var err error
	m.key, err = m.c.codeSecret()
	must(t, "getcodesecret", err)
	for i := range 10 {
		must(t, "createfunction", m.c.createFunction(envid(0, 0), fnName("code", i)))
	}
	m.upload(t, 0, m.body(0, newZip(1, 100_000)), false)

	for i, code := range [][]byte{newZip(2, nearlyFull), newZip(3, nearlyFull), manyFiles(10_000)} {
		body := m.body(0, code)
		for _, chunked := range []bool{false, true} {
			what := fmt.Sprintf("upload %d of %d bytes, chunked %t", i, len(body), chunked)
			m.below(t, what, oneUpload, func() { m.upload(t, 0, body, chunked) })
		}
	}
	m.ten(t)
	m.reordered(t)
	if len(collections(s.log.String())) == 0 {
		t.Error("the collector reports nothing: this test measures too little")
	}
	s.stop()
}

type memoryTest struct {
	s   *server
	c   *client
	key string
}

func (m *memoryTest) body(function int, code []byte) []byte {
	return uploadBody(envid(0, 0), fnName("code", function), m.key, code)
}

// upload sends a signed body and expects success.
func (m *memoryTest) upload(t *testing.T, function int, body []byte, chunked bool) {
	header, err := m.c.sign(body)
	if err == nil && chunked {
		err = m.c.sendChunked(header, body)
	} else if err == nil {
		err = m.c.send(header, body)
	}
	if err != nil {
		t.Errorf("upload of %d bytes: %v", len(body), err)
	}
}

// sendChunked sends an upload without saying how long it is.
func (c *client) sendChunked(header http.Header, body []byte) error {
	req, err := http.NewRequest(http.MethodPost, c.base+"/", struct{ *bytes.Reader }{bytes.NewReader(body)})
	if err != nil {
		return err
	}
	req.Header, req.Host = header, header.Get("Host")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(res.Body); err != nil {
		return err
	}
	return decodeUpload(res.StatusCode, answer.Bytes())
}

// below fails the test if as much is held in each of three tries: what an
// upload holds it holds each time, and what else happens in the process
// meanwhile can only add to it.
func (m *memoryTest) below(t *testing.T, what string, bound int, during func()) {
	t.Helper()
	for range 3 {
		time.Sleep(300 * time.Millisecond) // at rest
		m.s.forgetPeak()
		before, from := m.s.memory("VmRSS"), len(m.s.log.String())
		during()
		process, found := m.s.memory("VmHWM")-before, collections(m.s.log.String()[from:])
		inUse := 0 // without a collection in between, it was too little to have one
		if len(found) > 0 {
			inUse = slices.Max(found) - slices.Min(collections(m.s.log.String()))
		}
		t.Logf("%s: %d KiB in use in %d collections, %d KiB more in the process", what, inUse, len(found), process)
		if max(inUse, process) < bound {
			return
		}
	}
	t.Errorf("%s: want below %d KiB", what, bound)
}

// collections returns what the collector found in use each time, in KiB. Its
// lines say "…, 65->66->64 MB, …": when it began, when it ended, and in use.
func collections(log string) (found []int) {
	for line := range strings.Lines(log) {
		var began, ended, inUse int
		_, sizes, traced := strings.Cut(line, " ms cpu, ")
		if _, err := fmt.Sscanf(sizes, "%d->%d->%d MB", &began, &ended, &inUse); traced && err == nil && inUse >= ballast {
			found = append(found, inUse<<10)
		}
	}
	return found
}

func (m *memoryTest) ten(t *testing.T) {
	var bodies [10][]byte
	for i := range bodies {
		bodies[i] = m.body(i, newZip(uint64(10+i), nearlyFull))
	}
	m.below(t, "ten uploads at once", tenUploads, func() {
		var wg sync.WaitGroup
		for i, body := range bodies {
			wg.Go(func() { m.upload(t, i, body, false) })
		}
		wg.Wait()
	})
}

// reordered sends the code before what says whose it is: the members of an
// object have no order.
func (m *memoryTest) reordered(t *testing.T) {
	body := m.body(0, newZip(30, nearlyFull))
	secret := fmt.Appendf(nil, `"CodeSecret":"%s",`, m.key)
	if !bytes.Contains(body, secret) {
		t.Fatal("the body does not begin as expected")
	}
	body = bytes.Replace(body, secret, nil, 1)
	body = append(bytes.TrimSuffix(body, []byte("}")), ","+string(bytes.TrimSuffix(secret, []byte(",")))+"}"...)
	m.below(t, "an upload with the key after the code", oneUpload, func() { m.upload(t, 0, body, false) })
}

// manyFiles is a zip of so many small files.
func manyFiles(n int) []byte {
	files := make(map[string][]byte, n)
	content := make([]byte, 1200)
	for i := range n {
		copy(content, fmt.Sprint(i))
		files[fmt.Sprintf("node_modules/package-%05d/index.js", i)] = bytes.Clone(content)
	}
	return zipOf(files)
}
