package server

import (
	"fmt"
	"math/rand/v2"
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
	const makers, each = 8, 20_000
	made := make([][]string, makers)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			for range each {
				made[i] = append(made[i], newRID(beginning, rand.Uint64()))
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
}

// Of the bits after the time none has a part in telling how many calls came
// between two: each differs in about half of the ids that follow each other.
func TestRIDsTellNothing(t *testing.T) {
	const calls = 10_000
	var flips [64]int
	bits := func() (v uint64) {
		_, err := fmt.Sscanf(strings.ReplaceAll(newRID(beginning, rand.Uint64())[9:], "-", ""), "%016x", &v)
		must(t, err)
		return v
	}
	for before, n := bits(), 0; n < calls; n++ {
		now := bits()
		for bit := range flips {
			flips[bit] += int((before ^ now) >> bit & 1)
		}
		before = now
	}
	for bit, n := range flips {
		if n < calls*2/5 || n > calls*3/5 {
			t.Errorf("bit %d changes in %d of %d ids", bit, n, calls)
		}
	}
}
