package tcb_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// listener is a server that remembers what it is sent.
type listener struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // method, path, Referer and body
}

func listen(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen = append(l.seen, strings.Join([]string{r.Method, r.RequestURI, r.Referer(), string(body)}, " "))
	}))
	t.Cleanup(l.Close)
	return l
}

// sent returns what the listener was sent.
func (l *listener) sent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// TestCallsAreNotRedirected: a call holds secrets in its address and its body,
// and goes to the base URL alone.
func TestCallsAreNotRedirected(t *testing.T) {
	thief := listen(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path+"?secret", status)
		})
		own := &tcb.Client{BaseURL: c.BaseURL, Tokens: c.Tokens, HTTP: &http.Client{}}
		for _, c := range []*tcb.Client{c, own} {
			_, err := c.GetCodeSecret(t.Context())
			_, err2 := c.ComponentToken(t.Context(), "p", "the-secret", "t")
			for _, err := range []error{err, err2} {
				if err == nil || !strings.Contains(err.Error(), `leads to "`+thief.URL+`"`) || strings.Contains(err.Error(), "secret\"") {
					t.Errorf("%d: %v", status, err)
				}
			}
		}
	}
	if got := thief.sent(); len(got) > 0 {
		t.Errorf("the other host was sent: %q", got)
	}
}

// TestUploadsAreNotRedirected: nor does an upload, which holds the key and the
// code.
func TestUploadsAreNotRedirected(t *testing.T) {
	thief := listen(t)
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","headers":"Authorization:TC3 x\r\nHost:`+r.Host+`"}`)
	})
	_, err := c.UploadFunction(t.Context(), tcb.CodeUpload{CodeSecret: "k"}, strings.NewReader("zip"))
	if !isAnswerError(err) || len(thief.sent()) > 0 {
		t.Errorf("%v; the other host was sent: %q", err, thief.sent())
	}
}

// TestDownloadsAreRedirected without saying where they come from, and from
// https to https alone.
func TestDownloadsAreRedirected(t *testing.T) {
	bucket := listen(t)
	leading := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/code" {
			http.Redirect(w, r, bucket.URL+"/zip", http.StatusFound)
			return
		}
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		_, _ = io.WriteString(w,
			`{"errcode":0,"errmsg":"ok","url":"`+scheme+`://`+r.Host+`/code?signature=secret","checksum":"`+empty+`"}`)
	})
	plain, secure := httptest.NewServer(leading), httptest.NewTLSServer(leading)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	file := filepath.Join(t.TempDir(), "zip")
	c := &tcb.Client{BaseURL: plain.URL, Tokens: tcb.StaticToken("t")}
	if _, err := c.DownloadFunction(t.Context(), "e", "f", file, tcb.CodeDownload{}); err != nil {
		t.Error(err)
	}
	if got := bucket.sent(); len(got) != 1 || strings.TrimSpace(got[0]) != "GET /zip" {
		t.Errorf("the bucket was sent %q", got)
	}
	c = &tcb.Client{BaseURL: secure.URL, Tokens: tcb.StaticToken("t"), HTTP: secure.Client()}
	_, err := c.DownloadFunction(t.Context(), "e", "f", file, tcb.CodeDownload{Tries: 1})
	if err == nil || !strings.Contains(err.Error(), "from https to http") || len(bucket.sent()) != 1 {
		t.Errorf("%v; the bucket was sent %q", err, bucket.sent())
	}
}
