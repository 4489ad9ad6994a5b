package server

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (f *fixture) uploadsUnderWay() int {
	f.uploads.mu.Lock()
	defer f.uploads.mu.Unlock()
	return f.uploads.taken
}

// TestTooManyUploads fills the places for uploads: the next one is asked to
// come back, and finds a place when one is free.
//
// Proves: UP-5
func TestTooManyUploads(t *testing.T) {
	s := newFixture(t, Config{Uploads: 1})
	ts := httptest.NewServer(s)
	defer ts.Close()
	token := s.token(t)
	body := s.uploadBody(t, token, zipOf(t, []byte("code")))
	h := s.signed(t, token, strings.TrimPrefix(ts.URL, "http://"), body)

	slow, feed := io.Pipe()
	first := make(chan bool)
	go func() {
		first <- uploadTo(t, ts.URL, h.Clone(), slow, int64(len(body))).Response.Error == nil
	}()
	_, err := feed.Write(body[:10])
	must(t, err)
	waitFor(t, func() bool { return s.uploadsUnderWay() == 1 })
	second := func() string {
		answer := uploadTo(t, ts.URL, h.Clone(), bytes.NewReader(body), int64(len(body)))
		if answer.Response.Error == nil {
			return ""
		}
		return answer.Response.Error.Code
	}
	if code := second(); code != "RequestLimitExceeded" {
		t.Errorf("while the first is under way: %q", code)
	}
	_, err = feed.Write(body[10:])
	must(t, err)
	must(t, feed.Close())
	if !<-first {
		t.Error("the first upload was refused")
	}
	if code := second(); code != "" {
		t.Errorf("after the first: %q", code)
	}
}

// One platform has a quarter of the places, and one signature one of them.
//
// Proves: UP-5
func TestUploadShares(t *testing.T) {
	u := newUploadSlots(8)
	taken := func(platform, token string, want string) {
		t.Helper()
		err := u.take(platform, token)
		if got := detailOf(err); got != want || (err != nil) != (cloud.KindOf(err) == cloud.TooManyUploads) {
			t.Errorf("%s %s: %v, want %q", platform, token, err, want)
		}
	}
	const oneSignature = "an upload with this signature is under way: try again"
	const onePlatform = "too many uploads of one platform at once: try again"
	taken("a", "1", "")
	taken("a", "1", oneSignature)
	taken("a", "2", "")
	taken("a", "3", onePlatform)
	for _, platform := range []string{"b", "c", "d"} {
		taken(platform, platform+"1", "")
		taken(platform, platform+"2", "")
	}
	taken("e", "1e", "too many uploads at once: try again")
	u.give("a", "1")
	taken("e", "1e", "")
	u.give("a", "2")
	taken("a", "1", "")
	for _, one := range []string{"a 1", "b b1", "b b2", "c c1", "c c2", "d d1", "d d2", "e 1e"} {
		platform, token, _ := strings.Cut(one, " ")
		u.give(platform, token)
	}
	if u.taken != 0 || len(u.platforms) != 0 || len(u.signatures) != 0 {
		t.Errorf("left: %+v", u)
	}
	if small := newUploadSlots(1); small.take("a", "1") != nil {
		t.Error("the only place cannot be taken")
	}
}

// An upload that comes too slowly is refused in its envelope, and its place is
// free at once.
//
// Proves: UP-5
func TestSlowUpload(t *testing.T) {
	s := newFixture(t, Config{Uploads: 1, UploadGrace: 100 * time.Millisecond, UploadRate: 1 << 30})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	token := s.token(t)
	body := s.uploadBody(t, token, zipOf(t, []byte("code")))
	h := s.signed(t, token, strings.TrimPrefix(web.URL, "http://"), body)
	slow, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = feed.Write(body[:10]) }()
	answer := uploadTo(t, web.URL, h.Clone(), slow, int64(len(body)))
	if e := answer.Response.Error; e == nil || e.Code != "RequestLimitExceeded" {
		t.Errorf("a slow upload: %+v", answer)
	}
	if n := s.uploadsUnderWay(); n != 0 {
		t.Errorf("%d places are taken", n)
	}
}
