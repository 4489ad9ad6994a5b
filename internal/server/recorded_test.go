package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// records are the audit records of a server.
func (f *fixture) records(t testing.TB) []cloud.Record {
	t.Helper()
	var recs []cloud.Record
	err := f.cloud.Records(t.Context(), cloud.RecordFilter{}, func(rec cloud.Record) error {
		recs = append(recs, rec)
		return nil
	})
	must(t, err)
	return recs
}

// A link and a token that are dead are recorded once a minute each, however often
// strangers show them.
func TestDeadCredentialsOverTheWire(t *testing.T) {
	f := newFixture(t, Config{})
	server := httptest.NewServer(f)
	defer server.Close()
	token := f.token(t)
	f.upload(t, token, server.URL, zipOf(t, []byte("code")))
	link := f.link(t, token, server.URL)
	must(t, f.cloud.Revoke(t.Context(), f.cloud.OperatorCaller("test"), platform, mini))
	before := len(f.records(t))
	for range 50 {
		resp, err := http.Get(link)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Fatalf("a dead link is answered %s", resp.Status)
		}
		var answer tcb.Status
		f.post(t, "/tcb/getcodesecret?access_token="+token, "", &answer)
		if answer.ErrCode != tcb.NotAuthorized {
			t.Fatalf("a dead token is answered %+v", answer)
		}
	}
	if n := len(f.records(t)) - before; n != 2 {
		t.Errorf("%d records of 100 requests with two dead credentials, want 2", n)
	}
}
