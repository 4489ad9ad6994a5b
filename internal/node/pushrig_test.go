package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/tcb"
)

const (
	pushPlatform = "wx00000000000000c1"
	pushOther    = "wx00000000000000c2"
	pushMini     = "wx00000000000000a1"
	pushToken    = "PushToken1"
	pushAESKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

	pushWorld = `platforms:
  - {appid: wx00000000000000c1, secret: the-secret-of-platform-one}
  - {appid: wx00000000000000c2, secret: the-secret-of-platform-two}
miniprograms: [{appid: wx00000000000000a1}, {appid: wx00000000000000a2}]
`
)

// pushBench is a server with two platforms, to which receivers are added. Its clock
// stands where the test leaves it, so that no ticket is due by itself.
func pushBench(t *testing.T) *bench { return inPushWorld(startBench(t)) }

func inPushWorld(b *bench) *bench {
	b.t.Helper()
	begin := time.Now()
	b.cfg.Now = func() time.Time { return begin.Add(time.Duration(b.offset.Load())) }
	_, err := b.restart()
	b.ok(err)
	b.ok(operator{b}.Apply(pushWorld))
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// received is a push as it came.
type received struct {
	*http.Request
	body  string
	event tcb.Event
}

// receiver is an event address of a test.
type receiver struct {
	t   *testing.T
	url string
	got chan received

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r received)
}

// newReceiver starts one that answers success.
func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, got: make(chan received, 1000)}
	r.answers(func(w http.ResponseWriter, _ received) { io.WriteString(w, "success") })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		got := received{Request: req, body: string(body)}
		got.event = opened(t, req.URL.Query(), body)
		r.mu.Lock()
		answer := r.answer
		r.mu.Unlock()
		answer(w, got)
		r.got <- got
	}))
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/events"
	return r
}

func (r *receiver) answers(by func(w http.ResponseWriter, r received)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = by
}

// opened verifies and opens a push.
func opened(t *testing.T, query url.Values, body []byte) tcb.Event {
	k, err := push.NewKey(pushToken, pushAESKey)
	if err != nil {
		t.Error(err)
		return tcb.Event{}
	}
	e, signature, err := push.Read(query, body)
	if err != nil || !e.Signed(k, signature) || query.Get("signature") != k.Sign(e.Timestamp, e.Nonce) {
		t.Errorf("a push that is not signed: %v, %s", err, body)
		return tcb.Event{}
	}
	message, appid, err := k.Open(e.Encrypt)
	if err != nil || appid != e.AppID {
		t.Errorf("a push that does not open: %v, for %q", err, appid)
		return tcb.Event{}
	}
	event, err := tcb.ParseEvent(message)
	if err != nil || fmt.Sprint(event.CreateTime.Unix()) != e.Timestamp || event.AppID != appid {
		t.Errorf("the message is %s, at %s: %v", message, e.Timestamp, err)
	}
	return event
}

// patience is how long a test waits for what must come: that nothing hangs.
const patience = 2 * time.Minute

// next waits for the next push, and wants it to be of that kind.
func (r *receiver) next(kind string) received {
	r.t.Helper()
	select {
	case got := <-r.got:
		if got.event.InfoType == tcb.EventTicket && kind != tcb.EventTicket {
			return r.next(kind) // the ten minutes of this address ended just now
		}
		if got.event.InfoType != kind {
			r.t.Fatalf("%s came, want %s", got.event.InfoType, kind)
		}
		return got
	case <-time.After(patience):
		r.t.Fatalf("no %s came", kind)
		return received{}
	}
}

// receives sets the event addresses of a platform. Each gets its first ticket.
func (b *bench) receives(platform string, all ...*receiver) {
	b.t.Helper()
	var urls []string
	for _, r := range all {
		urls = append(urls, r.url)
	}
	b.pushTo(platform, urls...)
}

func (b *bench) pushTo(platform string, urls ...string) {
	b.t.Helper()
	events := []cloud.EventSetting{}
	for _, u := range urls {
		events = append(events, cloud.EventSetting{URL: u, Token: pushToken, AESKey: pushAESKey})
	}
	_, err := b.admin().ChangePlatform(b.t.Context(), platform, cloud.PlatformChange{Events: cloud.Given(events)})
	b.ok(err)
}

func (b *bench) consents(appid string, sets ...int) {
	b.t.Helper()
	_, err := b.admin().Authorize(b.t.Context(), pushPlatform, appid, sets)
	b.ok(err)
}

func (b *bench) cancels(appid string) {
	b.t.Helper()
	b.ok(b.admin().Revoke(b.t.Context(), pushPlatform, appid))
}

// pushes are those of a platform that a query chooses, the latest first.
func (b *bench) pushes(platform string, query url.Values) (all []cloud.PushView) {
	b.t.Helper()
	b.ok(b.admin().Pushes(b.t.Context(), platform, query, func(p cloud.PushView) error {
		all = append(all, p)
		return nil
	}))
	return all
}

// settled waits until what the operator sees of a platform is so, and returns it.
func (b *bench) settled(platform string, is func(all []cloud.PushView) bool) []cloud.PushView {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for {
		all := b.pushes(platform, nil)
		if is(all) {
			return all
		}
		select {
		case <-ctx.Done():
			text, _ := json.MarshalIndent(all, "", " ")
			b.t.Fatalf("the pushes are %s", text)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// inOrder are pushes as "kind state", the oldest first.
func inOrder(all []cloud.PushView) string {
	var words []string
	for _, p := range slices.Backward(all) {
		words = append(words, p.Kind+" "+p.State)
	}
	return strings.NewReplacer("component_verify_", "").Replace(strings.Join(words, ", "))
}

// are is what settled waits for.
func are(want string) func([]cloud.PushView) bool {
	return func(all []cloud.PushView) bool { return inOrder(all) == want }
}
