package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
)

// TestClientIsNotRedirected: the admin token and world files go to the address
// that was given, and nowhere else.
func TestClientIsNotRedirected(t *testing.T) {
	sent := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent++ }))
	t.Cleanup(thief.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, status)
		}))
		t.Cleanup(srv.Close)
		c := &admin.Client{URL: srv.URL, Token: "admin-token"}
		_, err := c.CloudbaseToken(t.Context(), "env")
		if err == nil || sent > 0 || !strings.Contains(err.Error(), "no OpenTCB answered at "+srv.URL) {
			t.Errorf("%d: %v; the other address was sent %d requests", status, err, sent)
		}
	}
}
