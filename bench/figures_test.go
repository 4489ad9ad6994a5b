package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond} {
		if got := h.quantile(q); got < want*98/100 || got > want*102/100 {
			t.Errorf("quantile %g is %v, not about %v", q, got, want)
		}
	}
	for _, d := range []time.Duration{0, 1, 127, 128, 129, time.Second, 1<<63 - 1} {
		if low := lowest(bucketOf(d)); low > d || d-low > d/64 {
			t.Errorf("%d is counted as %d", d, low)
		}
	}
}

func TestFigures(t *testing.T) {
	r := row{Figure: ratio, Goal: goal{">=", 0.85}}
	for _, pair := range [][2]float64{{80, 100}, {90, 100}, {180, 200}, {99, 100}, {10, 100}} {
		r.add(pair[0], pair[1])
	}
	if r = r.finish(); r.Median != 0.9 || r.Min != 0.1 || r.Max != 0.99 || !r.Reached {
		t.Errorf("%+v", r)
	}
	r.Figure, r.Goal = difference, goal{"<", -20}
	if r = r.finish(); r.Median != -20 || r.Reached {
		t.Errorf("%+v", r)
	}
	r.watch(loadReport{Seconds: 2, ServerCPU: time.Second, CoreIdle: time.Second})
	if r = r.finish(); len(r.Notes) != 1 {
		t.Errorf("a core that was half idle: %q", r.Notes)
	}
}

// TestFill fills a folder, issues its tokens and writes the raw sets.
func TestFill(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	const n = 50
	if err := fill(ctx, dir, n); err != nil {
		t.Fatal(err)
	}
	targets, _, err := makeTargets(ctx, dir, n)
	if err != nil || len(targets) != n || targets[n-1].Token == "" || targets[n-1].Env != benchEnv(n-1) {
		t.Fatalf("%+v, %v", targets, err)
	}
	raw := filepath.Join(dir, rawDatabase)
	if err := copyDatabase(filepath.Join(dir, databaseFile), raw); err != nil {
		t.Fatal(err)
	}
	for range 2 { // pairs
		report, err := rawSets(rawOrders{Path: raw, MiniPrograms: n, Duration: 20 * time.Millisecond})
		if err != nil || report.Writes == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
}
