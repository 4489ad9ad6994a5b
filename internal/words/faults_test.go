package words

import (
	"slices"
	"testing"
)

// list returns what a collector has, which is something.
func list(c *Collector) Faults { return c.Err().(Faults) }

// Faults found late in the reading, or in any order, come by line, those of one line as they were found.
func TestCollectorKeepsFirst(t *testing.T) {
	c := Collector{File: "w"}
	for line := 1000; line > 0; line-- {
		c.Add(line, "a")
		c.Add(line, "b")
		c.Add(line, "b")
	}
	got := list(&c)
	for i, f := range got[:most] {
		if f.Line != i/2+1 || f.Message != []string{"a", "b"}[i%2] {
			t.Fatalf("fault %d is %v", i, f)
		}
	}
	if last := got[most].Message; last != "and 1900 more" {
		t.Errorf("the last is %q", last)
	}
}

// When most faults were thrown away, one of an early line still takes its place.
func TestCollectorTakesEarlyFaultLate(t *testing.T) {
	var c Collector
	for line := 1; line <= 1000; line++ {
		c.Add(line, "a")
	}
	c.Add(50, "late")
	if got := list(&c); got[49].Message != "a" || got[50].Message != "late" || got[most].Message != "and 901 more" {
		t.Errorf("got %v", got)
	}
}

func TestExactlyHundredFaults(t *testing.T) {
	var c Collector
	for line := range most {
		c.Add(line, "a")
	}
	if got := list(&c); len(got) != most {
		t.Errorf("got %d faults", len(got))
	}
}

func TestFaultString(t *testing.T) {
	got := []string{
		Fault{"w", 3, "m"}.String(), Fault{"w", 0, "m"}.String(), Fault{"", 3, "m"}.String(), Fault{"", 0, "m"}.String(),
	}
	if want := []string{"w:3: m", "w: m", "line 3: m", "m"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
