package admin_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// TestReadyz takes the code folder away and gives it back. The server answers the
// interfaces meanwhile: it is degraded, which both listeners tell, and why, which
// only the operator is told.
//
// Proves: LV-3
func TestReadyz(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	const ok, degraded = `{"status":"ok"}`, `{"status":"degraded","reasons":["code storage cannot be reached"]}`
	ask := func(url string) (int, string) {
		resp, err := http.Get(url + "/readyz")
		must(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, strings.TrimSpace(string(text))
	}
	becomes := func(want, onAPI string) { // what was found out is remembered for a second
		t.Helper()
		status, text := ask(s.URL)
		for deadline := time.Now().Add(time.Minute); text != want && time.Now().Before(deadline); status, text = ask(s.URL) {
			time.Sleep(10 * time.Millisecond)
		}
		if status != http.StatusOK || text != want {
			t.Errorf("admin listener: %d %s, want %s", status, text, want)
		}
		if status, text := ask(s.node.APIURL()); status != http.StatusOK || text != onAPI {
			t.Errorf("API listener: %d %s, want %s", status, text, onAPI)
		}
	}
	becomes(ok, ok)
	drafts := filepath.Join(s.data, "code", "tmp")
	must(t, os.Rename(drafts, drafts+".away"))
	becomes(degraded, `{"status":"degraded"}`)
	s.request(t, "GET", "/readyz", "", nil) // as the document says
	_, err := s.Deploy(t.Context(), admin.Deployment{Env: env, Function: "login"}, bytes.NewReader(aZip(t)))
	if r := refused(t, err, http.StatusServiceUnavailable); r.Code != -1 || strings.Contains(r.Message, s.data) {
		t.Errorf("%+v", r)
	}
	if answer := s.call(t, "/tcb/getcodesecret?access_token="+s.authorizerToken(t), ""); answer["errcode"] != 0.0 {
		t.Errorf("getcodesecret: %v", answer)
	}
	if resp, _ := s.request(t, "GET", "/healthz", "", nil); resp.StatusCode != 200 {
		t.Errorf("alive? %d", resp.StatusCode)
	}
	must(t, os.Rename(drafts+".away", drafts))
	becomes(ok, ok)
	resp, err := http.Post(s.node.APIURL()+"/readyz", "text/plain", nil)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}
