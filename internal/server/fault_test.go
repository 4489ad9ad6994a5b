package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// internals is what an answer never shows: the language of databases, of the
// host and of the program (EN-5).
var internals = regexp.MustCompile(`(?i)sql|select|/tmp|/home|\.go|panic|goroutine|nil pointer|runtime|no such file|closed|blob`)

// ridForm is the end of a failure's message (EN-4).
var ridForm = regexp.MustCompile(` rid: ([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})$`)

// request calls a running server and returns status and body.
func request(t *testing.T, method, url string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	must(t, err)
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

// TestDatabaseOutOfReach closes the database: whoever needs it is asked to
// try again.
//
// Proves: EN-13, EN-5
func TestDatabaseOutOfReach(t *testing.T) {
	s := newFixture(t, Config{})
	token := s.token(t)
	var status tcb.Status
	s.post(t, "/tcb/usecloudaccesstoken?access_token="+token, `{"action":"set","env":"`+env+`","open":true,"api_whitelist":[],"version":2}`, &status)
	s.post(t, "/tcb/listfunctions?access_token="+token, `{"env":"`+env+`"}`, &status)
	must(t, s.store.Close())
	for _, call := range [][2]string{
		{"/tcb/createfunction", `{"env":"` + env + `","function_name":"another"}`},
		{"/tcb/usecloudaccesstoken", `{"action":"set","env":"` + env + `","open":true,"api_whitelist":["/*"],"version":6}`},
	} {
		path := call[0]
		w := s.post(t, path+"?access_token="+token, call[1], &status)
		rid := ridForm.FindStringSubmatch(status.ErrMsg)
		if w.Code != http.StatusOK || status.ErrCode != tcb.SystemBusy || rid == nil || internals.MatchString(status.ErrMsg) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		} else if !regexp.MustCompile("rid=" + rid[1] + ".*store is closed").MatchString(s.log.String()) {
			t.Errorf("%s: the log does not say why under rid %s", path, rid[1])
		}
	}
}

// TestCodeOutOfReach takes the code folder away: an upload is asked to try
// again, and goes through once the folder is back.
//
// Proves: EN-13, EN-5
func TestCodeOutOfReach(t *testing.T) {
	s := newFixture(t, Config{})
	token := s.token(t)
	body := s.uploadBody(t, token, zipOf(t, []byte("code")))
	h := s.signed(t, token, uploadHost, body)
	drafts := filepath.Join(s.code, "tmp")
	must(t, os.Rename(drafts, drafts+".away"))
	if e := s.send(t, h, uploadHost, body).Error; e == nil || e.Code != "InternalError" || e.Message != "system error: try again" {
		t.Errorf("without the folder: %+v", e)
	}
	must(t, os.Rename(drafts+".away", drafts))
	if e := s.send(t, h, uploadHost, body).Error; e != nil {
		t.Errorf("with the folder again: %+v", *e)
	}
	// What is stored, but cannot be read, is refused without a byte of it.
	link := s.link(t, token, "http://example.com")
	must(t, os.RemoveAll(s.code))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", link, nil))
	if w.Code < 500 || internals.MatchString(w.Body.String()) || !bytes.Contains(w.Body.Bytes(), []byte(" rid: ")) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
