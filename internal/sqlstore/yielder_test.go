package sqlstore

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
)

// What has arrived at the network runs while the writer yields, also where
// there is one processor.
func TestYieldLetsTheNetworkIn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	y := newYielder()
	defer y.close()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	var heard atomic.Int64
	go func() {
		for b := make([]byte, 1); ; heard.Add(1) {
			if _, err := from.Read(b); err != nil {
				return
			}
		}
	}()
	y.yield() // the reader waits from now on
	const bytes = 200
	late := 0
	for range bytes {
		before := heard.Load()
		if _, err := to.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		y.yield()
		if heard.Load() == before {
			late++ // the scheduler is fair: now and then who yields is first
			for heard.Load() == before {
				y.yield()
			}
		}
	}
	if late > bytes/4 {
		t.Errorf("the reader had %d of %d bytes only after a second yield", late, bytes)
	}
}

func TestYieldWithoutAPipe(t *testing.T) {
	y := &yielder{}
	y.yield()
	y.close()
}
