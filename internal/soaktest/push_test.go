//go:build linux

package soaktest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

const (
	pushToken  = "SoakToken"
	pushAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// pushed is what an event address has had: of each Mini Program the kinds of its
// events, in the order in which they came; and those that it refused, once each.
type pushed struct {
	url     string
	mu      sync.Mutex
	got     map[string][]string
	refused map[string]bool
}

// newPushed starts an address that takes its time, and refuses one event in ten.
func newPushed(t *testing.T) *pushed {
	t.Helper()
	p := &pushed{got: map[string][]string{}, refused: map[string]bool{}}
	events, err := tcb.NewEventHandler(platformID, []tcb.EventKey{{Token: pushToken, EncodingAESKey: pushAESKey}},
		tcb.OnEvent(func(_ context.Context, e tcb.Event) error {
			pause(20)
			if e.InfoType == tcb.EventTicket {
				return nil
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got[e.AuthorizerAppID] = append(p.got[e.AuthorizerAppID], e.InfoType)
			if name := e.AuthorizerAppID + " " + e.InfoType; !p.refused[name] && rand.IntN(10) == 0 {
				p.refused[name] = true
				return errors.New("not now")
			}
			return nil
		}))
	must(t, "event handler", err)
	srv := httptest.NewServer(events)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

// untilKnown repeats what an operator does until it is done, at whichever server
// answers.
func untilKnown(at func() *server, do func(ctx context.Context, c *admin.Client) error) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := do(ctx, at().operator())
		cancel()
		if r, ok := errors.AsType[*admin.Refusal](err); err == nil || ok && r.Status == http.StatusNotFound {
			return // it is cancelled: an earlier try was carried out
		}
		pause(50)
	}
}

// cancelAndConsent cancels and gives again the authorizations of so many Mini
// Programs, one after the other, while the servers are killed.
func cancelAndConsent(at func() *server, from, to int) {
	for n := from; n < to; n++ {
		untilKnown(at, func(ctx context.Context, c *admin.Client) error { return c.Revoke(ctx, platformID, appid(n)) })
		untilKnown(at, func(ctx context.Context, c *admin.Client) error {
			_, err := c.Authorize(ctx, platformID, appid(n), []int{18, 49})
			return err
		})
	}
}

// pushTo sets the platform's event addresses.
func pushTo(t *testing.T, s *server, all []*pushed) {
	t.Helper()
	var events []cloud.EventSetting
	for _, p := range all {
		events = append(events, cloud.EventSetting{URL: p.url, Token: pushToken, AESKey: pushAESKey})
	}
	_, err := s.operator().ChangePlatform(t.Context(), platformID, cloud.PlatformChange{Events: cloud.Given(events)})
	must(t, "event addresses", err)
}

// checkPushed waits until nothing is to be delivered any more, and compares what was
// recorded with what was changed, and what came with what was recorded.
func checkPushed(t *testing.T, s *server, apps int, all []*pushed) {
	t.Helper()
	rows := map[string][]string{} // by address and Mini Program, the latest first
	for waiting := 1; waiting > 0; time.Sleep(200 * time.Millisecond) {
		waiting, rows = 0, map[string][]string{}
		must(t, "pushes", s.operator().Pushes(t.Context(), platformID, url.Values{"limit": {"1000"}}, func(p cloud.PushView) error {
			if p.State == "waiting" {
				waiting++
			}
			if p.AppID != "" {
				rows[p.URL+" "+p.AppID] = append(rows[p.URL+" "+p.AppID], p.Kind+" "+p.State)
			}
			return nil
		}))
	}
	twice := 0
	for _, to := range all {
		to.mu.Lock()
		defer to.mu.Unlock()
		for n := range apps {
			twice += checkOrder(t, to.got[appid(n)], rows[to.url+" "+appid(n)])
		}
		twice -= len(to.refused)
	}
	t.Logf("%d events for each of %d addresses, %d of them came more than once", 2*apps, len(all), twice)
}

// checkOrder checks the events of a Mini Program at an address, and returns how many
// came more than once.
func checkOrder(t *testing.T, got, rows []string) (twice int) {
	t.Helper()
	counts := map[string]int{}
	for _, kind := range got {
		if counts[kind]++; kind == tcb.EventUnauthorized && counts[tcb.EventAuthorized] > 0 {
			t.Errorf("the older event came after the newer: %v", got)
		}
	}
	recorded := strings.Join(rows, ", ")
	const ended = "authorized delivered, unauthorized "
	if recorded != ended+"delivered" && recorded != ended+"superseded" {
		t.Errorf("recorded: %s", recorded)
	}
	if counts[tcb.EventAuthorized] == 0 || counts[tcb.EventUnauthorized] == 0 && recorded == ended+"delivered" {
		t.Errorf("came: %v; recorded: %s", got, recorded)
	}
	return max(0, counts[tcb.EventAuthorized]-1) + max(0, counts[tcb.EventUnauthorized]-1)
}

// TestPushesOverKills kills a server at any moment of consents, cancellations and
// deliveries. Each change that was carried out has its event, none has more, and each
// event arrives, in the order of the changes.
//
// Proves: PU-8, PU-11, PU-13
func TestPushesOverKills(t *testing.T) {
	t.Parallel() // it waits more than it computes
	const workers = 8
	kills := length(8, 100)
	apps := workers * kills * 3
	l := launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, apps)}
	s := start(t, l)
	l.world = ""
	to := []*pushed{newPushed(t), newPushed(t)}
	pushTo(t, s, to)
	var mu sync.RWMutex
	at := func() *server { mu.RLock(); defer mu.RUnlock(); return s }
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { cancelAndConsent(at, i*apps/workers, (i+1)*apps/workers) })
	}
	for range kills {
		pause(400)
		mu.Lock()
		s.kill()
		s = start(t, l)
		mu.Unlock()
	}
	all.Wait()
	checkPushed(t, s, apps, to)
}

// TestPushesOfThreeServers: of three servers one after the other is killed. Each event
// is delivered by one of them, or by another that takes it over.
//
// Proves: PU-13
func TestPushesOfThreeServers(t *testing.T) {
	t.Parallel() // it waits more than it computes
	const workers = 6
	kills := length(6, 60)
	apps := workers * kills * 4
	c := newCluster(t, 3, testserver.StartPostgres(t).Database(), "", newWorld(t, apps))
	to := []*pushed{newPushed(t), newPushed(t)}
	pushTo(t, c.list[0], to)
	at := func() *server { return c.any(nil) }
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { cancelAndConsent(at, i*apps/workers, (i+1)*apps/workers) })
	}
	for n := range kills {
		pause(800)
		c.killAndStart(n%len(c.list), 100*time.Millisecond)
	}
	all.Wait()
	checkPushed(t, c.any(nil), apps, to)
}
