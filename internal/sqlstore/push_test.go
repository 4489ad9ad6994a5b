package sqlstore

import (
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// What looks for pushes that are due, or that a newer one supersedes, reads none of
// those that are over, of which there may be very many.
func TestPushesAreFoundByIndex(t *testing.T) {
	s := open(t, newFile(t))
	for _, c := range []struct {
		query  string
		params int
		want   []string
	}{
		{duePushes, 3 + cloud.MaxPushes, []string{
			"pushes_due (lane=? AND due_at<?)", "pushes_open (platform=? AND appid=? AND url=?)", "event_addresses_1 (platform=? AND url=?)",
		}},
		{openOf, 3, []string{"pushes_open (platform=? AND appid=? AND url=?)"}},
		{supersedePushes, 3, []string{"pushes_open (platform=? AND appid=? AND url=?)"}},
	} {
		var plan []string
		args := make([]any, c.params)
		for i := range args {
			args[i] = ""
		}
		rows, err := s.engine.(*sqliteDB).conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+c.query, args...)
		must(t, err)
		for rows.Next() {
			var id, parent, unused int
			var what string
			must(t, rows.Scan(&id, &parent, &unused, &what))
			if strings.Contains(what, "SEARCH") || strings.Contains(what, "SCAN") {
				plan = append(plan, what)
			}
		}
		must(t, rows.Close())
		if len(plan) != len(c.want) {
			t.Errorf("the plan is %q", plan)
		}
		for i, want := range c.want {
			if !strings.Contains(plan[i], want) {
				t.Errorf("the plan is %q, want %q", plan, c.want)
			}
		}
	}
}
