package node_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

const seedPushWorld = `platforms:
  - {appid: wx00000000000000c1, secret: the-secret-of-platform-one, verify_ticket: ticket@@@one}
miniprograms:
  - {appid: wx00000000000000a1}
  - {appid: wx00000000000000a2}
  - {appid: wx00000000000000a3}
  - {appid: wx00000000000000a4}
`

// seededPushes has a server with a seed push to addresses, and returns what each
// got, byte for byte, and what the server answered to what came in the pushes.
func seededPushes(t *testing.T, waits bool, to ...*receiver) (got [][]string, answers []string) {
	b := startTesting(t, func(c *node.Config) { c.Clock, c.Seed = "frozen@2026-01-31T15:04:05Z", "42" })
	b.must(operator{b}.Apply(seedPushWorld))
	got = make([][]string, len(to))
	var codes []string
	take := func(kind string, n int) {
		for i, r := range to {
			for range n {
				p := r.next(kind)
				var text strings.Builder
				fmt.Fprintln(&text, p.Method, p.Host, p.RequestURI)
				b.must(p.Header.Write(&text))
				got[i] = append(got[i], text.String()+p.body)
				codes = append(codes, p.event.AuthorizationCode)
			}
		}
	}
	b.receives(pushPlatform, to...)
	take(tcb.EventTicket, 1)
	own := &tcb.Client{BaseURL: b.node.APIURL()}
	component, err := own.ComponentToken(t.Context(), pushPlatform, "the-secret-of-platform-one", "ticket@@@one")
	b.must(err)
	own.Tokens = tcb.StaticToken(component.ComponentAccessToken)
	minis := []string{"wx00000000000000a1", "wx00000000000000a2", "wx00000000000000a3", "wx00000000000000a4"}
	for _, mini := range minis {
		b.consents(mini, 18, 49)
		if waits {
			take(tcb.EventAuthorized, 1)
		}
		code, err := own.CreatePreAuthCode(t.Context(), pushPlatform)
		b.must(err)
		answers = append(answers, code.PreAuthCode)
	}
	if !waits {
		take(tcb.EventAuthorized, len(minis))
	}
	for range 2 { // the same is told twice at one moment
		_, err = b.admin().PushTicket(t.Context(), pushPlatform)
		b.must(err)
		take(tcb.EventTicket, 1)
	}
	b.cancels(minis[0])
	take(tcb.EventUnauthorized, 1)
	slices.Sort(codes) // which address is looked at first is the test's
	for _, code := range slices.Compact(codes)[1:] {
		grant, err := own.QueryAuth(t.Context(), pushPlatform, code)
		answers = append(answers, fmt.Sprint(grant, err))
	}
	return got, answers
}

// TestSeededPushes: what an event address gets is the same in two runs, byte for
// byte and in the same order, and so is what the codes in it are answered. It does not
// depend on what is called while a push is under way.
//
// Proves: RS-4
func TestSeededPushes(t *testing.T) {
	to := []*receiver{newReceiver(t), newReceiver(t)}
	var under, first atomic.Int32
	for _, r := range to {
		r.answers(func(w http.ResponseWriter, _ received) {
			if n := under.Add(1); n > 1 {
				t.Errorf("%d pushes are under way at once", n)
			}
			if first.Add(1) == 1 {
				time.Sleep(2 * time.Second) // and is not made to give its place to the next one
			}
			time.Sleep(10 * time.Millisecond) // in which another would come
			under.Add(-1)
			io.WriteString(w, "success")
		})
	}
	got, answers := seededPushes(t, true, to...)
	again, answersAgain := seededPushes(t, false, to...)
	for i := range got {
		if len(got[i]) != 8 || !slices.Equal(got[i], again[i]) {
			t.Errorf("address %d got:\n%s\n\nand then:\n%s", i, strings.Join(got[i], "\n"), strings.Join(again[i], "\n"))
		}
		if all := slices.Clone(got[i]); len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
			t.Errorf("address %d got the same twice:\n%s", i, strings.Join(all, "\n"))
		}
	}
	if !slices.Equal(answers, answersAgain) {
		t.Errorf("answered:\n%s\n\nand then:\n%s", strings.Join(answers, "\n"), strings.Join(answersAgain, "\n"))
	}
}
