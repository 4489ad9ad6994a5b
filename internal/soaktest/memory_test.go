//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The bounds of what uploads may need, in KiB above the memory of the server
// at rest: of its process, at its peak.
const (
	oneUpload  = 8 << 10
	tenUploads = 100 << 10
)

// nearlyFull is the size of a zip that is nearly 20 MiB as base64 (UP-7).
const nearlyFull = 15<<20 - 1000

// TestUploadMemory uploads code of nearly 20 MiB of base64. The memory of an
// upload is the peak of the resident memory of the process while it runs
// (VmHWM, set back just before) less the resident memory just before it, in a
// server as it is shipped that has had one small upload and rests.
func TestUploadMemory(t *testing.T) {
	l := launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1)}
	s := start(t, l)
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
			used := m.peak(t, func() { m.upload(t, 0, body, chunked) })
			t.Logf("upload %d of %d bytes, chunked %t: %d KiB", i, len(body), chunked, used)
			if used >= oneUpload {
				t.Errorf("one upload of %d bytes took %d KiB, want below %d", len(body), used, oneUpload)
			}
		}
	}
	m.ten(t)
	m.reordered(t)
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

// peak is by how many KiB the memory of the server rises above what it is
// before.
func (m *memoryTest) peak(t *testing.T, during func()) int {
	t.Helper()
	time.Sleep(300 * time.Millisecond) // at rest
	m.s.forgetPeak()
	before := m.s.memory("VmRSS")
	during()
	return m.s.memory("VmHWM") - before
}

func (m *memoryTest) ten(t *testing.T) {
	var bodies [10][]byte
	for i := range bodies {
		bodies[i] = m.body(i, newZip(uint64(10+i), nearlyFull))
	}
	used := m.peak(t, func() {
		var wg sync.WaitGroup
		for i, body := range bodies {
			wg.Go(func() { m.upload(t, i, body, false) })
		}
		wg.Wait()
	})
	t.Logf("ten uploads at once: %d KiB", used)
	if used >= tenUploads {
		t.Errorf("ten uploads at once took %d KiB, want below %d", used, tenUploads)
	}
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
	used := m.peak(t, func() { m.upload(t, 0, body, false) })
	t.Logf("the key after the code: %d KiB", used)
	if used >= oneUpload {
		t.Errorf("an upload with the key after the code took %d KiB, want below %d", used, oneUpload)
	}
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
