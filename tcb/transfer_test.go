package tcb_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// hosting is a platform whose function's code comes through serve.
type hosting struct {
	code     []byte
	checksum string
	links    atomic.Int64
	gets     atomic.Int64
	serve    func(h *hosting, n int64, w http.ResponseWriter, r *http.Request)
	client   *tcb.Client
}

func host(t *testing.T, serve func(h *hosting, n int64, w http.ResponseWriter, r *http.Request)) *hosting {
	h := &hosting{code: make([]byte, 3<<20), serve: serve}
	rand.NewChaCha8([32]byte{1}).Read(h.code)
	h.checksum = fmt.Sprintf("%x", sha256.Sum256(h.code))
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/code" {
			h.serve(h, h.gets.Add(1), w, r)
			return
		}
		h.links.Add(1)
		fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","url":"%s/code?signature=secret","checksum":"%s"}`, srv.URL, strings.ToUpper(h.checksum))
	}))
	t.Cleanup(srv.Close)
	h.client = &tcb.Client{BaseURL: srv.URL, Tokens: tcb.StaticToken("t")}
	return h
}

func (h *hosting) content(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.code))
}

// cut sends so many bytes and breaks off.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if c.left < len(p) {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// TestDownload: through lines that break, slow down and alter, the file is
// either the whole code or as it was.
func TestDownload(t *testing.T) {
	const before = "what was there before"
	for name, c := range map[string]struct {
		serve func(h *hosting, n int64, w http.ResponseWriter, r *http.Request)
		want  error // nil: it succeeds
		any   bool  // any error will do
	}{
		"whole": {serve: func(h *hosting, _ int64, w http.ResponseWriter, r *http.Request) { h.content(w, r) }},
		"breaks off nine times": {serve: func(h *hosting, n int64, w http.ResponseWriter, r *http.Request) {
			if n < 10 {
				w = &cut{w, 300_000}
			}
			if from := r.Header.Get("Range"); (n > 1) != (from != "") {
				panic("Range " + from)
			}
			h.content(w, r)
		}},
		"breaks off and knows no ranges": {serve: func(h *hosting, n int64, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			if n < 3 {
				w = &cut{w, 300_000}
			}
			h.content(w, r)
		}},
		"slow": {serve: func(h *hosting, _ int64, w http.ResponseWriter, _ *http.Request) {
			for chunk := range chunks(h.code, 256<<10) {
				_, _ = w.Write(chunk)
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}},
		"one bit altered": {want: tcb.ErrChecksum, serve: func(h *hosting, _ int64, w http.ResponseWriter, r *http.Request) {
			code := bytes.Clone(h.code)
			code[1<<20] ^= 1
			_, _ = w.Write(code)
		}},
		"shorter": {want: tcb.ErrChecksum, serve: func(h *hosting, _ int64, w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(h.code[:1<<20])
		}},
		"longer": {want: tcb.ErrChecksum, serve: func(h *hosting, _ int64, w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(append(bytes.Clone(h.code), 0))
		}},
		"goes on elsewhere": {any: true, serve: func(h *hosting, n int64, w http.ResponseWriter, r *http.Request) {
			if n > 1 {
				r.Header.Set("Range", "bytes=5-")
			} else {
				w = &cut{w, 300_000}
			}
			h.content(w, r)
		}},
		"dead links": {any: true, serve: func(_ *hosting, _ int64, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
		}},
		"dies once": {serve: func(h *hosting, n int64, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.WriteHeader(403)
				return
			}
			h.content(w, r)
		}},
		"replaced meanwhile": {serve: func(h *hosting, n int64, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w = &cut{w, 300_000}
				defer func() {
					h.code = bytes.Repeat([]byte("new"), 1<<20)
					h.checksum = fmt.Sprintf("%x", sha256.Sum256(h.code))
				}()
			}
			h.content(w, r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := host(t, c.serve)
			dir := t.TempDir()
			file := filepath.Join(dir, "code.zip")
			if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
			sum, err := h.client.DownloadFunction(t.Context(), "env", "hello", file, tcb.CodeDownload{Tries: 3})
			text, _ := os.ReadFile(file)
			switch fails := c.want != nil || c.any; {
			case !fails && (err != nil || !bytes.Equal(text, h.code) || sum != h.checksum):
				t.Errorf("%v, %d bytes of %d", err, len(text), len(h.code))
			case fails && (err == nil || string(text) != before):
				t.Errorf("no error, or the file was touched: %v, %d bytes", err, len(text))
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("%v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the link: %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("left beside the file: %v", left)
			}
		})
	}
}

func chunks(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// TestUploadRefusals reads the envelope of Tencent Cloud, and what comes in
// its place.
func TestUploadRefusals(t *testing.T) {
	for text, check := range map[string]func(error) bool{
		`{"Response":{"Error":{"Code":"InvalidParameterValue.CodeSecret","Message":"no"},"RequestId":"r"}}`: func(err error) bool {
			return errors.Is(err, &tcb.CodeError{Code: "InvalidParameterValue.CodeSecret"})
		},
		`{"Response":{"RequestId":"r"}}`:                    func(err error) bool { return err == nil },
		`{"errcode":-1,"errmsg":"system error rid: 1-2-3"}`: func(err error) bool { return errors.Is(err, tcb.ErrSystemBusy) },
		`{}`:                          isAnswerError,
		`<html>`:                      isAnswerError,
		``:                            isAnswerError,
		`{"Response":{"Error":null}}`: isAnswerError,
		`{"errcode":0,"errmsg":"ok"}`: isAnswerError,
	} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/tcb/getcodesecret":
				_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","codesecret":"KEY"}`)
			case "/tcb/getuploadsignature":
				_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","headers":"Authorization:TC3 x\r\nHost:scf.example.com\r\nContent-Type:application/json"}`)
			default:
				body, _ := io.ReadAll(r.Body)
				if r.Host != "scf.example.com" || r.Header.Get("Authorization") != "TC3 x" ||
					!bytes.Contains(body, []byte(`"CodeSecret":"KEY"`)) || r.ContentLength != int64(len(body)) {
					t.Errorf("upload to %s with %v: %s", r.Host, r.Header, body)
				}
				_, _ = io.WriteString(w, text)
			}
		})
		c.UploadURL = c.BaseURL
		_, err := c.UploadFunction(t.Context(), tcb.CodeUpload{Env: "e", Function: "f", Handler: "h"}, strings.NewReader("zip"))
		if !check(err) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c := answering(t, always(200, ""))
	tooLarge := io.LimitReader(zeros{}, tcb.MaxZip+1)
	_, err := c.UploadFunction(t.Context(), tcb.CodeUpload{CodeSecret: "k"}, tooLarge)
	if err == nil || !strings.Contains(err.Error(), "over") {
		t.Errorf("a zip that is too large: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func isAnswerError(err error) bool { _, ok := errors.AsType[*tcb.AnswerError](err); return ok }
