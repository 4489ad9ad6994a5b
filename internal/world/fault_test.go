package world

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A file with thousands of faults tells the first hundred, by line, and how many more.
func TestFaultsAreCapped(t *testing.T) {
	var b strings.Builder
	b.WriteString("functions:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  - {env: test-1, name: %d-}\n", i)
	}
	b.WriteString("platforms: 1\n")
	_, err := Parse([]byte(b.String()), "w.yaml")
	faults, ok := err.(Faults)
	if !ok || len(faults) != maxFaults+1 {
		t.Fatalf("got %d faults", len(faults))
	}
	for i, f := range faults[:maxFaults] {
		if f.Line != i+2 || f.Name != "w.yaml" {
			t.Fatalf("fault %d is %v", i, f)
		}
	}
	if last := faults[maxFaults].String(); last != "and 4901 more" {
		t.Errorf("the last is %q", last)
	}
}

// Faults found late in the reading, or in any order, come by line, those of one line as they were found.
func TestCollectorKeepsFirst(t *testing.T) {
	c := collector{name: "w"}
	for line := 1000; line > 0; line-- {
		c.add(line, "a")
		c.add(line, "b")
		c.add(line, "b")
	}
	got := c.sorted()
	for i, f := range got[:maxFaults] {
		if f.Line != i/2+1 || f.Message != []string{"a", "b"}[i%2] {
			t.Fatalf("fault %d is %v", i, f)
		}
	}
	if last := got[maxFaults].Message; last != "and 1900 more" {
		t.Errorf("the last is %q", last)
	}
}

// When most faults were thrown away, one of an early line still takes its place.
func TestCollectorTakesEarlyFaultLate(t *testing.T) {
	var c collector
	for line := 1; line <= 1000; line++ {
		c.add(line, "a")
	}
	c.add(50, "late")
	if got := c.sorted(); got[49].Message != "a" || got[50].Message != "late" || got[maxFaults].Message != "and 901 more" {
		t.Errorf("got %v", got)
	}
}

func TestExactlyHundredFaults(t *testing.T) {
	var c collector
	for line := range maxFaults {
		c.add(line, "a")
	}
	if got := c.sorted(); len(got) != maxFaults {
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
