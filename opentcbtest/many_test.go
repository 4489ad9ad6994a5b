package opentcbtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
)

// TestManyServers starts and ends servers one after another, and tells how long one
// takes.
func TestManyServers(t *testing.T) {
	servers := 500
	if testing.Short() {
		servers = 20
	}
	began := time.Now()
	for i := range servers {
		t.Run(fmt.Sprint(i), func(t *testing.T) { opentcbtest.New(t, opentcbtest.World{}) })
	}
	t.Logf("%d servers in %v", servers, time.Since(began))
}
