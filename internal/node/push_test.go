package node_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// TestPushForm looks at a ticket as it comes: its query, its head, its body, and the
// message in it.
//
// Proves: PU-2, PU-3, PU-5, PU-6
func TestPushForm(t *testing.T) {
	b, r := pushBench(t), newReceiver(t)
	r.url += "?own=1"
	b.receives(pushPlatform, r)
	got := r.next(tcb.EventTicket)
	form := `^own=1&signature=[0-9a-f]{40}&timestamp=[0-9]{10}&nonce=[0-9]{9,10}&encrypt_type=aes&msg_signature=[0-9a-f]{40}$`
	if !regexp.MustCompile(form).MatchString(got.URL.RawQuery) || got.Method != http.MethodPost || got.URL.Path != "/events" {
		t.Errorf("%s %s", got.Method, got.RequestURI)
	}
	head := http.Header{
		"Content-Type": {"text/xml"}, "User-Agent": {"Mozilla/4.0"}, "Accept": {"*/*"}, "Connection": {"close"},
		"Content-Length": {fmt.Sprint(len(got.body))},
	}
	if !maps.EqualFunc(got.Header, head, slices.Equal) || got.TransferEncoding != nil {
		t.Errorf("the head is %v", got.Header)
	}
	body := "^<xml>\n    <AppId><!\\[CDATA\\[" + pushPlatform + "\\]\\]></AppId>\n" +
		"    <Encrypt><!\\[CDATA\\[[A-Za-z0-9+/]+=*\\]\\]></Encrypt>\n</xml>\n$"
	if !regexp.MustCompile(body).MatchString(got.body) {
		t.Errorf("the body is %q", got.body)
	}
	e := got.event
	if want := string(e.XML()); string(e.Message) != want {
		t.Errorf("the message is %q, want %q", e.Message, want)
	}
	ticket, err := operator{b}.Ticket(pushPlatform)
	if b.ok(err); e.ComponentVerifyTicket != ticket {
		t.Errorf("the ticket is %q, want %q", e.ComponentVerifyTicket, ticket)
	}
}

// TestConsentIsPushed: consent, consent to other sets, and cancelling reach each
// address, whose code is its own and in force while the receiver has not answered
// yet. What changes nothing, and what a world file says, is no event.
//
// Proves: PU-6, PU-8, PU-9
func TestConsentIsPushed(t *testing.T) {
	b, one, two := pushBench(t), newReceiver(t), newReceiver(t)
	b.receives(pushPlatform, one, two)
	ticket := one.next(tcb.EventTicket).event.ComponentVerifyTicket
	two.next(tcb.EventTicket)
	plain := &tcb.Client{BaseURL: b.node.APIURL()}
	component, err := plain.ComponentToken(t.Context(), pushPlatform, "the-secret-of-platform-one", ticket)
	b.ok(err)
	client := &tcb.Client{BaseURL: b.node.APIURL(), Tokens: tcb.StaticToken(component.ComponentAccessToken)}
	redeemed := make(chan error, 4)
	redeem := func(w http.ResponseWriter, r received) {
		if r.event.AuthorizationCode != "" {
			_, err := client.QueryAuth(t.Context(), pushPlatform, r.event.AuthorizationCode)
			redeemed <- err
		}
		io.WriteString(w, "success")
	}
	one.answers(redeem)
	two.answers(redeem)
	codes := map[string]bool{}
	for _, step := range []struct {
		do   func()
		kind string
	}{
		{func() { b.consents(pushMini, 49, 18) }, tcb.EventAuthorized},
		{func() { b.consents(pushMini, 18, 49); b.consents(pushMini, 18, 49, 64) }, tcb.EventUpdateAuthorized},
		{func() { b.cancels(pushMini) }, tcb.EventUnauthorized},
	} {
		step.do()
		for _, r := range []*receiver{one, two} {
			e := r.next(step.kind).event
			if string(e.Message) != string(e.XML()) || e.AuthorizerAppID != pushMini || e.PreAuthCode != "" {
				t.Errorf("the message is %s", e.Message)
			}
			if step.kind == tcb.EventUnauthorized {
				if strings.Contains(string(e.Message), "Code") {
					t.Errorf("the message is %s", e.Message)
				}
				continue
			}
			if e.CodeExpires != e.CreateTime.Add(time.Hour) || codes[e.AuthorizationCode] {
				t.Errorf("the code expires %v, the event is of %v", e.CodeExpires, e.CreateTime)
			}
			codes[e.AuthorizationCode] = true
			b.ok(<-redeemed)
		}
	}
	b.ok(operator{b}.Apply(pushWorld +
		"authorizations: [{platform: wx00000000000000c1, appid: wx00000000000000a2, permission_sets: [18]}]\n"))
	b.consents("wx00000000000000a2", 18)
	b.cancels("wx00000000000000a2")
	for _, r := range []*receiver{one, two} {
		if e := r.next(tcb.EventUnauthorized).event; e.AuthorizerAppID != "wx00000000000000a2" {
			t.Errorf("of %s", e.AuthorizerAppID)
		}
	}
}

// TestTicketsAreDue: each address has a ticket at once, and then every ten minutes of
// the server's clock, one however far that goes; all have one on the operator's word.
// Another address that is added is the only one that has one for that.
//
// Proves: PU-7
func TestTicketsAreDue(t *testing.T) {
	b, one, two := pushBench(t), newReceiver(t), newReceiver(t)
	b.receives(pushPlatform, one)
	one.next(tcb.EventTicket)
	b.receives(pushPlatform, one, two)
	two.next(tcb.EventTicket)
	for n, by := range []time.Duration{3 * time.Hour, 10 * time.Minute, -24 * time.Hour, 10 * time.Minute} {
		b.offset.Add(int64(by))
		one.next(tcb.EventTicket)
		two.next(tcb.EventTicket)
		if all := b.pushes(pushPlatform, nil); len(all) != 2+2*(n+1) {
			t.Errorf("after %v: %s", by, inOrder(all))
		}
	}
	pushed, err := b.admin().PushTicket(t.Context(), pushPlatform)
	b.ok(err)
	if len(pushed) != 2 || pushed[0].URL != one.url || pushed[1].URL != two.url || pushed[0].State != "waiting" {
		t.Errorf("pushed %+v", pushed)
	}
	one.next(tcb.EventTicket)
	two.next(tcb.EventTicket)
	if none, err := b.admin().PushTicket(t.Context(), pushOther); err != nil || len(none) != 0 {
		t.Errorf("a platform without address: %+v, %v", none, err)
	}
	b.ok(operator{b}.Disable(pushPlatform, true))
	_, err = b.admin().PushTicket(t.Context(), pushPlatform)
	if r, ok := err.(*admin.Refusal); !ok || r.Status != http.StatusConflict {
		t.Errorf("a platform that is disabled: %v", err)
	}
	b.consents(pushMini, 49) // and is no event
	b.offset.Add(int64(time.Hour))
	b.ok(operator{b}.Disable(pushPlatform, false))
	one.next(tcb.EventTicket)
	b.settled(pushPlatform, are(strings.Repeat("ticket delivered, ", 13)+"ticket delivered"))
}

// TestTicketOnRequest: the platform asks for its ticket, and is told whether one has
// arrived lately.
//
// Proves: PU-7, AI-1
func TestTicketOnRequest(t *testing.T) {
	b, r := pushBench(t), newReceiver(t)
	ask := func(want string) {
		t.Helper()
		resp, err := http.Post(b.node.APIURL()+"/cgi-bin/component/api_start_push_ticket", "application/json",
			strings.NewReader(`{"component_appid":"`+pushPlatform+`","component_secret":"the-secret-of-platform-one"}`))
		b.ok(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if b.ok(err); string(text) != `{"errcode":0,"errmsg":"`+want+`"}` {
			t.Errorf("told %s, want %q", text, want)
		}
	}
	ask("ok") // it has no address yet
	b.receives(pushPlatform, r)
	r.next(tcb.EventTicket)
	b.settled(pushPlatform, are("ticket delivered"))
	ask("in a normal state")
	r.next(tcb.EventTicket)
	r.answers(func(w http.ResponseWriter, _ received) { w.WriteHeader(http.StatusNotFound) })
	b.offset.Add(int64(10 * time.Minute))
	ask("ok")
	r.next(tcb.EventTicket)
}

// TestWhatTheOperatorSees: an answer is kept, its beginning, without ticket and code;
// what is no 200 is not delivered, and can be sent again with another code.
//
// Proves: PU-10, PU-14, PU-15
func TestWhatTheOperatorSees(t *testing.T) {
	b, r := pushBench(t), newReceiver(t)
	r.answers(func(w http.ResponseWriter, r received) {
		if r.event.InfoType != tcb.EventTicket {
			w.WriteHeader(http.StatusInternalServerError)
		}
		w.Write(append(r.event.Message, strings.Repeat("x", 100<<10)...))
	})
	b.receives(pushPlatform, r)
	codes := []string{r.next(tcb.EventTicket).event.ComponentVerifyTicket}
	b.consents(pushMini, 49)
	codes = append(codes, r.next(tcb.EventAuthorized).event.AuthorizationCode)
	all := b.settled(pushPlatform, func(all []cloud.PushView) bool {
		return len(all) == 2 && all[0].Status != 0 && all[1].Status != 0
	})
	event, ticket := all[0], all[1]
	if event.State != "waiting" || event.Status != 500 || event.Fault != "it answered 500" || event.Tries != 1 ||
		event.AppID != pushMini || event.Kind != tcb.EventAuthorized || event.URL != r.url || event.NextTry.IsZero() {
		t.Errorf("the event is %+v", event)
	}
	if ticket.State != "delivered" || ticket.Status != 200 || ticket.Success || len(ticket.Answer) < 1000 ||
		len(ticket.Answer) > 1024 || !strings.HasPrefix(ticket.Answer, "<xml><AppId>") || ticket.Fault != "" {
		t.Errorf("the ticket is %+v", ticket)
	}
	r.answers(func(w http.ResponseWriter, _ received) { io.WriteString(w, "success") })
	again, err := b.admin().PushAgain(t.Context(), pushPlatform, event.ID)
	if b.ok(err); again.State != "waiting" || again.ID != event.ID {
		t.Errorf("again: %+v", again)
	}
	code := r.next(tcb.EventAuthorized).event.AuthorizationCode
	if slices.Contains(codes, code) {
		t.Error("it was sent again with the same code")
	}
	codes = append(codes, code)
	all = b.settled(pushPlatform, are("ticket delivered, authorized delivered"))
	if !all[0].Success || all[0].Answer != "success" || all[0].Fault != "" {
		t.Errorf("delivered: %+v", all[0])
	}
	_, err = b.admin().PushAgain(t.Context(), pushPlatform, ticket.ID)
	b.ok(err)
	codes = append(codes, r.next(tcb.EventTicket).event.ComponentVerifyTicket)
	b.settled(pushPlatform, are("ticket delivered, authorized delivered"))
	b.showsNone(append(codes, pushToken, pushAESKey))
	for _, c := range []struct{ platform, id string }{
		{pushPlatform, "0123456789abcdef"}, {pushPlatform, "x"}, {pushOther, event.ID},
	} {
		_, err := b.admin().PushAgain(t.Context(), c.platform, c.id)
		if r, ok := err.(*admin.Refusal); !ok || r.Status != http.StatusNotFound {
			t.Errorf("again %v: %v", c, err)
		}
	}
	if n := len(b.pushes(pushPlatform, url.Values{"kind": {tcb.EventTicket}, "state": {"delivered"}, "limit": {"1"}})); n != 1 {
		t.Errorf("%d tickets delivered are chosen", n)
	}
	if all := b.pushes(pushPlatform, url.Values{"appid": {pushMini}, "limit": {"1"}}); len(all) != 1 || all[0].ID != event.ID {
		t.Errorf("of the Mini Program: %+v", all)
	}
}

// showsNone wants no secret in what is stored, logged and shown.
func (b *bench) showsNone(secrets []string) {
	b.t.Helper()
	world := new(strings.Builder)
	b.ok(b.admin().World(b.t.Context(), world))
	stored, err := b.stored()
	b.ok(err)
	p, err := b.admin().Platform(b.t.Context(), pushPlatform)
	b.ok(err)
	metrics, err := b.metrics()
	b.ok(err)
	for what, text := range map[string]string{
		"the world": world.String(), "what is stored": string(stored), "the log": b.log.String(), "the metrics": string(metrics),
		"the list": fmt.Sprintf("%+v", b.pushes(pushPlatform, nil)), "the platform": fmt.Sprintf("%+v", p),
	} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				b.t.Errorf("%s shows a secret", what)
			}
		}
	}
	if len(p.Events) == 0 || !strings.Contains(world.String(), `events: [{"url":"`+p.Events[0].URL+`"}]`) {
		b.t.Errorf("the platform's events are %+v, the world is %s", p.Events, world)
	}
	b.ok(operator{b}.Apply(world.String())) // which changes nothing
	again, err := b.admin().Platform(b.t.Context(), pushPlatform)
	if b.ok(err); fmt.Sprint(again.Events) != fmt.Sprint(p.Events) {
		b.t.Errorf("applied, the world makes the events %+v", again.Events)
	}
}

// TestNewerEventSupersedes: what waits for its next try is not tried again once a
// newer event of the same Mini Program is there, and cannot be sent again. Others go
// on.
//
// Proves: PU-11
func TestNewerEventSupersedes(t *testing.T) {
	b, r := pushBench(t), newReceiver(t)
	b.receives(pushPlatform, r)
	r.next(tcb.EventTicket)
	r.answers(func(w http.ResponseWriter, _ received) { w.WriteHeader(http.StatusBadGateway) })
	b.consents("wx00000000000000a2", 18)
	r.next(tcb.EventAuthorized)
	b.consents(pushMini, 18)
	r.next(tcb.EventAuthorized)
	b.settled(pushPlatform, func(all []cloud.PushView) bool { return all[0].Tries == 1 && all[0].Status == 502 })
	r.answers(func(w http.ResponseWriter, _ received) { io.WriteString(w, "success") })
	b.cancels(pushMini)
	for { // the event of the other one comes again when it does
		if got := <-r.got; got.event.AuthorizerAppID == pushMini {
			if got.event.InfoType != tcb.EventUnauthorized {
				t.Errorf("%s came", got.event.InfoType)
			}
			break
		}
	}
	all := b.settled(pushPlatform, func(all []cloud.PushView) bool { return all[0].State == "delivered" })
	if all[1].State != "superseded" || all[1].Kind != tcb.EventAuthorized || all[2].State == "superseded" {
		t.Errorf("the pushes are %s", inOrder(all))
	}
	_, err := b.admin().PushAgain(t.Context(), pushPlatform, all[1].ID)
	if r, ok := err.(*admin.Refusal); !ok || r.Status != http.StatusConflict {
		t.Errorf("the older one again: %v", err)
	}
}

// TestNewerEventWaits: while an older event of a Mini Program is on its way, the newer
// one is not sent, and so cannot arrive before it.
//
// Proves: PU-11
func TestNewerEventWaits(t *testing.T) {
	b := pushBench(t)
	held, arrived := make(chan struct{}), make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e := opened(t, r.URL.Query(), body)
		arrived <- e.InfoType
		if e.InfoType == tcb.EventAuthorized {
			<-held
		}
	}))
	t.Cleanup(srv.Close)
	b.pushTo(pushPlatform, srv.URL)
	<-arrived // the ticket
	b.consents(pushMini, 18)
	<-arrived // and is held
	b.cancels(pushMini)
	_, err := b.admin().PushTicket(t.Context(), pushPlatform)
	b.ok(err)
	if kind := <-arrived; kind != tcb.EventTicket { // what holds nothing up comes
		t.Errorf("%s came while an older event was on its way", kind)
	}
	close(held)
	if kind := <-arrived; kind != tcb.EventUnauthorized {
		t.Errorf("%s came", kind)
	}
	b.settled(pushPlatform, are("ticket delivered, authorized delivered, unauthorized delivered, ticket delivered"))
}
