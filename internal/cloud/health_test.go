package cloud

import (
	"context"
	"testing"
)

// Whoever asks again and again how the server is makes it find out once: that
// writes to the storage.
func TestHealthIsRemembered(t *testing.T) {
	var l lastHealth
	asked := 0
	find := func(context.Context) Health { asked++; return Health{Degraded: []string{"a reason"}} }
	for range 100 {
		if h := l.ask(t.Context(), find); len(h.Degraded) != 1 {
			t.Fatalf("%+v", h)
		}
		l.at = l.at.Add(healthLife / 1000) // however slow the machine is
	}
	if asked != 1 {
		t.Errorf("found out %d times", asked)
	}
	l.at = l.at.Add(-2 * healthLife)
	if l.ask(t.Context(), find); asked != 2 {
		t.Errorf("a second later it was remembered still")
	}
}
