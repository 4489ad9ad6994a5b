package throttle

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The first failures of a minute cost nothing, further tries are made one a
// second, and those that would wait too long are not made. Others never notice.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New(10)
		try := func(key string) (time.Duration, bool) {
			begin := time.Now()
			_, ok := k.Wait(t.Context(), key)
			return time.Since(begin), ok
		}
		for n := range 10 {
			if took, ok := try("a"); took != 0 || !ok {
				t.Errorf("try %d: %v, %t", n, took, ok)
			}
			k.Failed("a")
		}
		for n, want := range []time.Duration{0, time.Second, time.Second} {
			if took, ok := try("a"); took != want || !ok {
				t.Errorf("slowed try %d: %v, %t", n, took, ok)
			}
			k.Failed("a")
		}
		made := make(chan bool, 100)
		for range cap(made) {
			go func() {
				_, ok := try("a")
				made <- ok
			}()
		}
		if took, ok := try("b"); took != 0 || !ok {
			t.Errorf("another: %v, %t", took, ok)
		}
		time.Sleep(patience + time.Second)
		n := 0
		for range cap(made) {
			if <-made {
				n++
			}
		}
		if n < 4 || n > 5 {
			t.Errorf("%d of 100 tries at once were made", n)
		}
		time.Sleep(memory)
		if took, ok := try("a"); took != 0 || !ok {
			t.Errorf("a minute later: %v, %t", took, ok)
		}
	})
}

// However many try, their memory is bounded.
func TestThrottleIsBounded(t *testing.T) {
	k := New(1)
	for n := range maxKeys + 1000 {
		k.Failed(strconv.Itoa(n))
	}
	if len(k.of) > maxKeys {
		t.Errorf("%d are remembered", len(k.of))
	}
}

func TestAddressOf(t *testing.T) {
	for at, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "pipe": "pipe",
	} {
		if got := AddressOf(at); got != want {
			t.Errorf("%s counts as %s, want %s", at, got, want)
		}
	}
}

// Of many tries at once as many may be made as may fail; one that is given back did not
// count.
func TestTake(t *testing.T) {
	th := New(3)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if th.Take("key") {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 3 || !th.Take("other") {
		t.Errorf("%d were taken, want 3", taken.Load())
	}
	th.Give("key")
	if !th.Take("key") || th.Take("key") {
		t.Error("one was given back")
	}
	th.Give("nobody's")
}
