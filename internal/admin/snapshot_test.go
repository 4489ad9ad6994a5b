package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

// TestSnapshotResource saves, replaces, lists page by page, restores and removes,
// within its limit.
//
// Proves: RS-1, RS-2
func TestSnapshotResource(t *testing.T) {
	s := startTests(t, func(c *node.Config) { c.Limits.MaxSnapshots, c.Ephemeral = 105, true })
	for _, want := range []int{http.StatusCreated, http.StatusOK} {
		if resp, text := s.request(t, "PUT", "/v1/snapshots/a", "", nil); resp.StatusCode != want {
			t.Errorf("saved: %d %s", resp.StatusCode, text)
		}
	}
	want := []string{"a"}
	for i := range 104 {
		name := fmt.Sprintf("b%03d", i)
		_, err := s.SaveSnapshot(t.Context(), name)
		must(t, err)
		want = append(want, name)
	}
	var got []string
	must(t, s.Snapshots(t.Context(), func(s admin.Snapshot) error { got = append(got, s.Name); return nil }))
	if !slices.Equal(got, want) {
		t.Errorf("listed: %q", got)
	}
	_, err := s.SaveSnapshot(t.Context(), "more")
	if r := refused(t, err, http.StatusTooManyRequests); !strings.Contains(r.Message, "--max-snapshots") {
		t.Errorf("one more: %v", r)
	}
	must(t, s.RestoreSnapshot(t.Context(), "a"))
	must(t, s.Reset(t.Context()))
	must(t, s.RemoveSnapshot(t.Context(), "a"))
	for _, name := range []string{"@start", "a b", "a/b", ".a", strings.Repeat("a", 65)} {
		_, err := s.SaveSnapshot(t.Context(), name)
		if refused(t, err, http.StatusUnprocessableEntity).Member != "name" {
			t.Errorf("%q was saved: %v", name, err)
		}
		refused(t, s.RestoreSnapshot(t.Context(), name), http.StatusNotFound)
		refused(t, s.RemoveSnapshot(t.Context(), name), http.StatusNotFound)
	}
	refused(t, s.RestoreSnapshot(t.Context(), "a"), http.StatusNotFound)
	refused(t, s.RemoveSnapshot(t.Context(), "a"), http.StatusNotFound)
}
