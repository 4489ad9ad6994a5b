package server

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// allocated is how many bytes are allocated, in all, while do runs: never
// less than what is in use at once.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestReadUploadMemory reads the largest ZipFile that is allowed in memory
// that has nothing to do with its size.
func TestReadUploadMemory(t *testing.T) {
	body := strings.NewReader(`{"EnvId":"e","ZipFile":"` + strings.Repeat("A", maxZipBase64) + `"}`)
	var n countingWriter
	used := allocated(func() {
		if u, err := readUpload(body, &n); err != nil || !u.hasZip {
			t.Errorf("%+v, %v", u, err)
		}
	})
	if n != maxZipBase64/4*3 {
		t.Errorf("%d bytes were written", n)
	}
	if used > 256<<10 {
		t.Errorf("it took %d bytes of memory", used)
	}
}

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

// TestUploadMemory uploads 20 MiB of base64 over the network. Server and
// client together, from the socket to the synced file, stay below 8 MiB.
func TestUploadMemory(t *testing.T) {
	s := newFixture(t, Config{})
	ts := httptest.NewServer(s)
	defer ts.Close()
	token := s.token(t)
	s.upload(t, token, ts.URL, zipOf(t, []byte("warm")))
	body := s.uploadBody(t, token, zipOf(t, noise(maxZipBase64/4*3-1024)))
	h := s.signed(t, token, strings.TrimPrefix(ts.URL, "http://"), body)
	used := allocated(func() {
		if answer := uploadTo(t, ts.URL, h, bytes.NewReader(body), int64(len(body))); answer.Response.Error != nil {
			t.Errorf("%+v", *answer.Response.Error)
		}
	})
	if used > 8<<20 {
		t.Errorf("it took %d bytes of memory", used)
	}
}

// noise is so many bytes that do not compress, alike in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// TestUploadLimits goes to the limits of an upload's body, and one step on.
//
// Proves: UP-7
func TestUploadLimits(t *testing.T) {
	zip := func(n int) string { return `{"ZipFile":"` + strings.Repeat("A", n) + `"}` }
	members := func(n int) string { return "{" + strings.Repeat(`"x":1,`, n-1) + `"y":1}` }
	value := func(n int) string { return `{"Handler":"` + strings.Repeat("h", n-2) + `"}` }
	for name, c := range map[string]struct {
		body string
		kind cloud.Kind
	}{
		"zip":          {zip(maxZipBase64), -1},
		"zip and more": {zip(maxZipBase64 + 4), cloud.InvalidCode},
		"members":      {members(maxMembers), -1}, "members and more": {members(maxMembers + 1), cloud.MalformedBody},
		"value": {value(maxOtherMember), -1}, "value and more": {value(maxOtherMember + 1), cloud.MalformedBody},
		"zip twice": {`{"ZipFile":"","zipfile":""}`, cloud.MalformedBody},
	} {
		_, err := readUpload(strings.NewReader(c.body), io.Discard)
		if refused := err != nil; refused != (c.kind >= 0) || refused && cloud.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
