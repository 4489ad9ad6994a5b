package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// Answers hold keys, tokens and links, so no cache keeps them; and where a link
// leads to does not hear of the link.
func TestNothingIsStoredOnTheWay(t *testing.T) {
	f := newFixture(t, Config{})
	srv := httptest.NewServer(f)
	defer srv.Close()
	token := f.token(t)
	f.upload(t, token, srv.URL, zipOf(t, []byte("code")))
	var key tcb.GetCodeSecretResponse
	w := f.post(t, "/tcb/getcodesecret?access_token="+token, "", &key)
	if got := w.Header().Get("Cache-Control"); got != "no-store" || key.CodeSecret == "" {
		t.Errorf("an answer with a key has Cache-Control %q", got)
	}
	resp, err := http.Get(f.link(t, token, srv.URL))
	must(t, err)
	defer resp.Body.Close()
	if got := resp.Header.Get("Referrer-Policy"); resp.StatusCode != http.StatusOK || got != "no-referrer" {
		t.Errorf("a link answers %d with Referrer-Policy %q", resp.StatusCode, got)
	}
}
