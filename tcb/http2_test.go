package tcb

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestBreaksOffOverHTTP2: a call whose stream is reset is told as one whose connection
// breaks, before its answer and within it.
func TestBreaksOffOverHTTP2(t *testing.T) {
	t.Parallel()
	begun := false
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if begun {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"err`)
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c := &Client{BaseURL: srv.URL, HTTP: srv.Client(), Tokens: StaticToken("token")}
	for range 2 {
		if _, err := c.GetCodeSecret(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("begun %t: %v", begun, err)
		}
		begun = true
	}
}
