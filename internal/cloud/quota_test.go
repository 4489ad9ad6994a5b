package cloud_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// here is where calls come from.
var here = netip.MustParseAddr("192.0.2.7")

// bound gives platform1 quotas for getcodesecret, and for all.
func (r *rig) bound(one, all cloud.Quota) {
	r.Helper()
	q := cloud.Quotas{All: all}
	if one != (cloud.Quota{}) {
		q.Interfaces = map[string]cloud.Quota{developer.Name: one}
	}
	_, err := r.cloud.ChangePlatform(r.Context(), r.operator(), platform1, cloud.PlatformChange{Quotas: cloud.Given(q)})
	r.ok("ChangePlatform", err)
}

// call makes a call of an interface, and returns how it fares before its body.
func call(r *rig, s *cloud.Service, token string, iface cloud.Interface) error {
	c, err := s.Authenticate(r.Context(), token, iface, "rid-of-a-call")
	if c.Bounded {
		err = s.Admit(r.Context(), c, iface, here, err)
	}
	return err
}

// good wants so many calls to be good, and the next one to be refused.
func (r *rig) good(what, token string, good int, then cloud.Kind) {
	r.Helper()
	for n := range good {
		r.ok(fmt.Sprintf("%s, call %d", what, n+1), call(r, r.cloud, token, developer))
	}
	r.refused(what, call(r, r.cloud, token, developer), then)
}

// at sets the clock to a time in the zone where days begin.
func (r *rig) at(clock string) {
	r.Helper()
	at, err := time.ParseInLocation(time.DateTime, clock, time.FixedZone("", 8*60*60))
	r.ok("time", err)
	r.clock.Store(at.UnixMilli())
}

// TestQuotaSpans: a minute's calls and a day's are let through to exactly the number.
// The minute is the clock's, the day turns at 00:00 UTC+8, and what was refused
// counts. Setting other quotas begins to count anew, setting the same does not.
// Proves: QU-1
func TestQuotaSpans(t *testing.T) {
	r := newRig(t)
	r.at("2026-01-31 23:57:59")
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	r.bound(cloud.Quota{Day: 12, Minute: 5}, cloud.Quota{})
	r.good("a minute", token, 5, cloud.LimitReached)
	r.sleep(time.Second)
	r.good("the next minute", token, 5, cloud.LimitReached)
	r.at("2026-01-31 23:59:00")
	r.refused("the rest of the day", call(r, r.cloud, token, developer), cloud.DayQuotaReached) // 13: the refused count
	r.at("2026-01-31 23:59:59")
	r.refused("the end of the day", call(r, r.cloud, token, developer), cloud.DayQuotaReached)
	r.at("2026-02-01 00:00:00")
	r.good("the next day", token, 5, cloud.LimitReached)
	r.bound(cloud.Quota{Day: 12, Minute: 5}, cloud.Quota{})
	r.refused("set as it is", call(r, r.cloud, token, developer), cloud.LimitReached)
	r.bound(cloud.Quota{Day: 3}, cloud.Quota{})
	r.good("set anew", token, 3, cloud.DayQuotaReached)
	r.bound(cloud.Quota{}, cloud.Quota{Minute: 2})
	r.good("all in a minute", token, 2, cloud.LimitReached)
	r.at("2026-01-01 12:00:00") // a clock that was put back
	r.bound(cloud.Quota{}, cloud.Quota{Minute: 3})
	r.at("2026-01-31 23:59:00")
	r.good("after that", token, 3, cloud.LimitReached)
	r.bound(cloud.Quota{}, cloud.Quota{})
	for range 100 {
		r.ok("without quotas", call(r, r.cloud, token, developer))
	}
}

// TestQuotaLateCall: a call that was looked at before a minute began, and is counted
// after, does not begin the minute before anew.
// Proves: QU-1
func TestQuotaLateCall(t *testing.T) {
	r := newRig(t)
	r.at("2026-01-31 11:59:59")
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	r.bound(cloud.Quota{Minute: 3}, cloud.Quota{})
	late, err := r.cloud.Authenticate(t.Context(), token, developer, "rid-of-a-late-call")
	r.ok("Authenticate", err)
	r.sleep(time.Second)
	for range 2 {
		r.ok("call", call(r, r.cloud, token, developer))
	}
	r.ok("late call", r.cloud.Admit(t.Context(), late, developer, here, nil))
	r.refused("the fourth", call(r, r.cloud, token, developer), cloud.LimitReached)
}

// TestQuotaExactly: of a crowd exactly as many are let through as may be, over the
// start of a minute too.
// Proves: QU-1, QU-2
func TestQuotaExactly(t *testing.T) {
	r := newRig(t)
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	r.bound(cloud.Quota{Day: 1000}, cloud.Quota{Minute: 1_000_000})
	var good atomic.Int64
	var crowd sync.WaitGroup
	for range 64 {
		crowd.Go(func() {
			for n := range 100 {
				if err := call(r, r.cloud, token, developer); err == nil {
					good.Add(1)
				}
				if n == rand.N(100) {
					r.sleep(time.Second)
				}
			}
		})
	}
	crowd.Wait()
	if good.Load() != 1000 {
		t.Errorf("%d calls were let through, want 1000", good.Load())
	}
}

// TestQuotaAmongServers: what one server lets through another counts within a
// second, and both go on after a restart of one where they were. Idle meters, which
// are forgotten, come back.
// Proves: QU-2, QU-3
func TestQuotaAmongServers(t *testing.T) {
	r := newRig(t)
	r.shared(r.store)
	server := func() *cloud.Service {
		return cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now, RowLife: time.Millisecond})
	}
	other := server()
	defer func() { r.ok("Close", other.Close()) }()
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	r.bound(cloud.Quota{Day: 100}, cloud.Quota{})
	for range 40 {
		r.ok("call", call(r, r.cloud, token, developer))
		r.ok("call of the other", call(r, other, token, developer))
	}
	used := func(what string, want int64) {
		t.Helper()
		for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			var all [2]int64
			for i, s := range []*cloud.Service{r.cloud, other} {
				c, err := s.Authenticate(t.Context(), token, developer, "rid")
				r.ok("Authenticate", err)
				day, _, err := s.QuotaUse(t.Context(), c, developer.Name)
				r.ok("QuotaUse", err)
				all[i] = day.Used
			}
			if all == [2]int64{want, want} {
				return
			}
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("%s: the servers count %v, want %d", what, all, want)
			}
		}
	}
	used("after 80 calls", 80)
	r.ok("Close", other.Close())
	other = server()
	used("after a restart", 80)
	for range 20 {
		r.ok("call", call(r, other, token, developer))
	}
	used("after 100 calls", 100)
	r.refused("the 101st", call(r, r.cloud, token, developer), cloud.DayQuotaReached)

	r.sleep(5 * time.Minute) // both forget what was counted
	time.Sleep(time.Second)
	used("after a while", 100)
	c, err := other.Authenticate(t.Context(), token, developer, "rid")
	r.ok("Authenticate", err)
	r.ok("ClearQuota", other.ClearQuota(t.Context(), c, mini1))
	r.ok("at once", call(r, other, token, developer))
	used("after it was cleared", 1)
}

// TestLimitsOfPlatforms: what cannot be is refused by its name, and what is recorded.
// Proves: QU-1, QU-4
func TestLimitsOfPlatforms(t *testing.T) {
	r := newRig(t)
	networks := make([]cloud.Network, 1001)
	for i := range networks {
		networks[i] = cloud.Network(netip.PrefixFrom(here, 32))
	}
	for member, with := range map[string]cloud.PlatformChange{
		"quotas":       {Quotas: cloud.Given(cloud.Quotas{Interfaces: map[string]cloud.Quota{"getcodesecret": {}}})},
		"ip_whitelist": {IPWhitelist: cloud.Given(networks)},
	} {
		_, err := r.cloud.ChangePlatform(t.Context(), r.operator(), platform1, with)
		if e, ok := err.(*cloud.Error); !ok || e.Kind != cloud.InvalidArgs || e.Member != member {
			t.Errorf("%s: %v", member, err)
		}
	}
	_, err := r.cloud.ChangePlatform(t.Context(), r.operator(), platform1, cloud.PlatformChange{
		Quotas: cloud.Given(cloud.Quotas{All: cloud.Quota{Day: 7}}), IPWhitelist: cloud.Given(networks[:1]),
	})
	r.ok("ChangePlatform", err)
	recs := r.records("platform")
	if got, want := recs[len(recs)-1].Detail, `quotas {"all":{"day":7}}, ip_whitelist [192.0.2.7]`; got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}
