package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// manyMiniPrograms adds so many Mini Programs, every other one without cloud
// development, and returns their appids.
func (s *started) manyMiniPrograms(t *testing.T, n int) (appids []string) {
	t.Helper()
	file := "miniprograms:\n"
	for i := range n {
		appids = append(appids, fmt.Sprintf("wx%016x", i+1))
		file += fmt.Sprintf("  - {appid: %s, cloud: %t}\n", appids[i], i%2 == 0)
	}
	_, err := s.Apply(t.Context(), []byte(file), nil)
	must(t, err)
	return appids
}

// TestListPages reads a list whole, page by page, whatever the page's size, while
// items before and after the place are added.
// Proves: OP-2
func TestListPages(t *testing.T) {
	s := start(t)
	appids := s.manyMiniPrograms(t, 250)
	for _, limit := range []string{"1", "7", "100", "249", "250", "251", "1000", ""} {
		query := url.Values{}
		if limit != "" {
			query.Set("limit", limit)
		}
		var got []string
		must(t, s.MiniPrograms(t.Context(), query, func(m cloud.MiniProgram) error {
			got = append(got, m.AppID)
			return nil
		}))
		if !slices.Equal(got, appids) {
			t.Errorf("limit %q: %d items, want %d in their order", limit, len(got), len(appids))
		}
	}
	closed := 0
	must(t, s.MiniPrograms(t.Context(), url.Values{"cloud": {"false"}, "limit": {"10"}}, func(m cloud.MiniProgram) error {
		closed++
		if m.Cloud {
			t.Errorf("%s is not chosen by cloud=false", m.AppID)
		}
		return nil
	}))
	if closed != 125 {
		t.Errorf("cloud=false: %d", closed)
	}
	_, page := s.request(t, "GET", "/v1/miniprograms?limit=249", "", nil)
	_, last := s.request(t, "GET", "/v1/miniprograms?limit=250", "", nil)
	if !strings.Contains(page, `"next":"`) || strings.Contains(last, `"next"`) {
		t.Error("the last page has next, or the one before has none")
	}
	if _, empty := s.request(t, "GET", "/v1/miniprograms?after="+nextOf(t, page)+"&cloud=true", "", nil); !strings.Contains(empty, `"items":[]`) {
		t.Errorf("an empty page is %s", empty)
	}
}

func nextOf(t *testing.T, page string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `"next":"`)
	next, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no next: %s", page)
	}
	return next
}

// TestListParameters sends parameters that cannot be: each is named, and what was
// probably meant is said.
// Proves: OP-2
func TestListParameters(t *testing.T) {
	s := start(t)
	for query, want := range map[string]string{
		"limit=0": "limit must be from 1 to 1000", "limit=1001": "limit must be from 1 to 1000", "limit=x": "limit must be from 1 to 1000",
		"limit=1&limit=2": "limit is there twice", "after=x": "after must be what next of the page before is",
		"after=WyJhIiwiYiJd": "after must be what next", "cloud=1": "cloud must be true or false",
		"clod=true": "did you mean cloud?", "offset=1": "there is no parameter", "%zz": "the query cannot be read",
	} {
		resp, text := s.request(t, "GET", "/v1/miniprograms?"+query, "", nil)
		name, _, _ := strings.Cut(query, "=")
		status, member := http.StatusUnprocessableEntity, `"member":"`+name+`"`
		if query == "%zz" {
			status, member = http.StatusBadRequest, ""
		}
		if resp.StatusCode != status || !strings.Contains(text, want) || !strings.Contains(text, member) {
			t.Errorf("%s: %d %s, want %d with %q", query, resp.StatusCode, text, status, want)
		}
	}
}
