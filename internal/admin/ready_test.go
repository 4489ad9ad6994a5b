package admin

import (
	"context"
	"testing"
)

// Whoever asks again and again whether the server is ready makes it find out
// once: that writes to the storage.
func TestReadyIsRemembered(t *testing.T) {
	var k readiness
	asked := 0
	find := func(context.Context) []string { asked++; return []string{"a reason"} }
	for range 100 {
		if reasons := k.ask(t.Context(), find); len(reasons) != 1 {
			t.Fatalf("reasons %q", reasons)
		}
		k.at = k.at.Add(readyLife / 1000) // however slow the machine is
	}
	if asked != 1 {
		t.Errorf("found out %d times", asked)
	}
	k.at = k.at.Add(-2 * readyLife)
	if k.ask(t.Context(), find); asked != 2 {
		t.Errorf("a second later it was remembered still")
	}
}
