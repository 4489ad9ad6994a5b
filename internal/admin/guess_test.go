package admin_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Ten false admin tokens of one address in a minute are refused at once, further
// ones wait or get 429. The operator, who may work from the same address, never
// waits, and a request without a token is no guess.
func TestFalseAdminTokens(t *testing.T) {
	t.Parallel()
	s := startSlowing(t, 0)
	try := func(header string) (status int, text string) {
		resp, text := s.request(t, "GET", "/v1/audit", "", http.Header{"Authorization": {header}})
		if resp.StatusCode == http.StatusTooManyRequests && !strings.Contains(text, `"code":45011`) {
			t.Errorf("429 with %s", text)
		}
		return resp.StatusCode, text
	}
	together := func(n int, header string, each func(status int)) {
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				status, _ := try(header)
				each(status)
			})
		}
		all.Wait()
	}
	// A token that is missing is none that was tried.
	together(20, "", func(status int) {
		if status != http.StatusUnauthorized {
			t.Errorf("without a token: %d", status)
		}
	})
	together(10, "Bearer false", func(status int) {
		if status != http.StatusUnauthorized {
			t.Errorf("one of the first ten: %d", status)
		}
	})
	// Some of these wait for their turn, and the others are turned away: while
	// the first wait, the good token is served.
	tooMany, waiting := make(chan struct{}, 16), make(chan struct{})
	go func() {
		defer close(waiting)
		together(16, "Bearer false", func(status int) {
			switch status {
			case http.StatusTooManyRequests:
				tooMany <- struct{}{}
			case http.StatusUnauthorized:
			default:
				t.Errorf("a false token too many: %d", status)
			}
		})
	}()
	select {
	case <-tooMany:
	case <-waiting:
		t.Fatal("16 false tokens more were all answered")
	}
	if status, text := try("Bearer " + s.Token); status != http.StatusOK {
		t.Errorf("the good token: %d %s", status, text)
	}
	if status, _ := try(""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	<-waiting
}
