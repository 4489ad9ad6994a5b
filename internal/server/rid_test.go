package server

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestRIDs makes request ids from many goroutines: of the form that is
// published, with the time in front, and no two alike.
//
// Proves: EN-4
func TestRIDs(t *testing.T) {
	m := newRIDMaker()
	const makers, each = 8, 20_000
	made := make([][]string, makers)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			for range each {
				made[i] = append(made[i], m.next(beginning))
			}
		})
	}
	all.Wait()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)
	seen := make(map[string]bool, makers*each)
	for _, rids := range made {
		for _, rid := range rids {
			if seen[rid] {
				t.Fatalf("%s comes twice", rid)
			}
			seen[rid] = true
		}
		if !form.MatchString(rids[0]) || !strings.HasPrefix(rids[0], fmt.Sprintf("%08x-", beginning.Unix())) {
			t.Errorf("rid %q", rids[0])
		}
	}
	// Counts that are far apart differ too, until all 2^32 have come.
	for shift := range 32 {
		m.count.Store(0)
		first := m.next(beginning)
		m.count.Store(1 << shift)
		if m.next(beginning) == first {
			t.Errorf("2^%d calls later %s comes again", shift, first)
		}
	}
	if again := newRIDMaker().next(beginning); seen[again] {
		t.Errorf("another process makes %s too", again)
	}
}
