//go:build linux

package soaktest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// clocksApart is how far the clocks of two servers are from each other, and
// the bound on what that moves an expiry by.
const clocksApart = time.Minute

// TestClusterClocks is two servers of which one is a minute ahead. What one
// makes is good on the other, and what expires does so on both within a minute
// of when it should.
//
// Proves: CR-1, CR-2, CR-4, CR-6, CR-8, CR-10, CC-6, DF-8, UP-3, UP-5
func TestClusterClocks(t *testing.T) {
	p := newPair(t)
	for maker := range 2 {
		t.Run(fmt.Sprintf("made by the one %v ahead", time.Duration(maker)*clocksApart), func(t *testing.T) {
			p.t = t
			p.expiries(maker)
		})
	}
	t.Run("refreshes", func(t *testing.T) {
		p.t = t
		p.refreshes()
	})
	t.Run("sets", func(t *testing.T) {
		p.t = t
		p.sets()
	})
}

// pair is two servers whose clocks the test sets: they stand still in between.
type pair struct {
	t       *testing.T
	servers []*server
	clocks  []*clock
	now     time.Time // of the server that is behind
	http    *http.Client
}

func newPair(t *testing.T) *pair {
	n := newNodes(t, testserver.StartPostgres(t).Database(), "")
	p := &pair{t: t, now: time.Now().Truncate(time.Second), http: newClient("", "").http}
	world := newWorld(t, 8)
	for i := range 2 {
		p.clocks = append(p.clocks, newClock(t))
		p.clocks[i].set(p.now.Add(time.Duration(i) * clocksApart))
		p.servers = append(p.servers, start(t, p.clocks[i].launch(t, n.launch(i, n.database, world))))
		world = ""
	}
	return p
}

// pass lets time pass on both.
func (p *pair) pass(d time.Duration) {
	p.now = p.now.Add(d)
	for i, c := range p.clocks {
		c.set(p.now.Add(time.Duration(i) * clocksApart))
	}
}

// with is a client with a token at one of the servers.
func (p *pair) with(i int, token string) *client {
	return &client{base: p.servers[i].api, token: token, http: p.http}
}

// both wants a call to end alike on both servers.
func (p *pair) both(what string, want string, call func(i int) error) {
	p.t.Helper()
	for i := range p.servers {
		if got := outcome(call(i)); got != want {
			p.t.Errorf("%s on the server %v ahead: %s, want %s", what, time.Duration(i)*clocksApart, got, want)
		}
	}
}

// outcome is the code or name of a refusal, "ok", or the text of what is wrong.
func outcome(err error) string {
	if code, ok := refused(err); ok && code != tcb.OK {
		return fmt.Sprint(code)
	} else if ok {
		return err.(*refusal).name
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// perishable is what one server made and both are asked about.
type perishable struct {
	name string
	life time.Duration
	dead string // how a call with it ends once it is expired
	call func(i int) error
	slot time.Duration // it may be so much older already
}

// expiries lets one server make what expires, and goes through time.
func (p *pair) expiries(maker int) {
	all := p.make(maker)
	slices.SortFunc(all, func(a, b perishable) int { return int(a.life - b.life) })
	for _, x := range all[:len(all)-1] { // the ticket was used, and again would replace the component token
		p.both(x.name+" at once", "ok", x.call)
	}
	begin := p.now
	for _, x := range all {
		p.pass(begin.Add(x.life - x.slot - clocksApart - time.Millisecond).Sub(p.now))
		p.both(x.name+" "+clocksApart.String()+" before it expires", "ok", x.call)
		p.pass(begin.Add(x.life + clocksApart + time.Second).Sub(p.now))
		p.both(x.name+" "+clocksApart.String()+" after it expired", x.dead, x.call)
	}
}

// make makes one of each, on one server.
func (p *pair) make(maker int) []perishable {
	s, env := p.servers[maker], envid(maker, 0)
	ticket := strings.TrimSpace(s.cli("ticket", platformID))
	component := p.component(1-maker, ticket) // a ticket of the one's, shown to the other
	token, err := p.with(maker, component).newToken(maker)
	must(p.t, "authorizer token", err)
	c := p.with(maker, token)
	runtime := strings.TrimSpace(s.cli("token", "cloudbase", env))
	now, err := c.permission(env)
	must(p.t, "get", err)
	must(p.t, "set", c.setPermission(env, permission{open: true, list: []string{"/*"}, version: now.version}))
	upload := p.signedUpload(maker, c, env)
	must(p.t, "upload", upload(maker))
	link, _, err := c.link(env, "code")
	must(p.t, "link", err)
	return []perishable{
		{name: "upload signature", life: 5 * time.Minute, dead: "AuthFailure.SignatureExpire", call: upload},
		{name: "link", life: 10 * time.Minute, dead: "HTTP status 403", call: func(i int) error { return p.fetch(i, link) }},
		{name: "cloudbase token", life: 30 * time.Minute, dead: "42001", call: func(i int) error {
			return p.with(i, "").callWhole("/wxa/one?cloudbase_access_token="+runtime, nil)
		}},
		{name: "authorization code", life: time.Hour, dead: "61010", call: p.code(maker, component)},
		{name: "component token", life: 2 * time.Hour, dead: "42001", call: func(i int) error {
			return p.with(i, component).call("/cgi-bin/component/api_create_preauthcode", tcb.PreAuthCodeRequest{ComponentAppID: ptr(platformID)}, nil)
		}},
		{
			name: "authorizer token", life: 2*time.Hour + 1, dead: "42001",
			call: func(i int) error { _, err := p.with(i, token).codeSecret(); return err },
		},
		{name: "ticket", life: 12 * time.Hour, slot: 10 * time.Minute, dead: "61005", call: func(i int) error {
			return p.with(i, "").call("/cgi-bin/component/api_component_token", componentRequest(ticket), nil)
		}},
	}
}

func componentRequest(ticket string) tcb.ComponentTokenRequest {
	return tcb.ComponentTokenRequest{
		ComponentAppID: ptr(platformID), ComponentAppSecret: ptr(platformSecret), ComponentVerifyTicket: &ticket,
	}
}

func (p *pair) component(i int, ticket string) string {
	p.t.Helper()
	var answer tcb.ComponentTokenResponse
	must(p.t, "component token", p.with(i, "").call("/cgi-bin/component/api_component_token", componentRequest(ticket), &answer))
	return answer.ComponentAccessToken
}

// signedUpload signs an upload on one server, to be sent to either.
func (p *pair) signedUpload(maker int, c *client, env string) func(i int) error {
	p.t.Helper()
	key, err := c.codeSecret()
	must(p.t, "key", err)
	must(p.t, "createfunction", c.createFunction(env, "code"))
	body := uploadBody(env, "code", key, newZip(uint64(maker), 1000))
	header, err := c.sign(body)
	must(p.t, "signature", err)
	header.Set("Host", strings.TrimPrefix(p.servers[maker].api, "http://"))
	return func(i int) error { return p.with(i, "").send(header, body) }
}

func (p *pair) fetch(i int, link string) error {
	status, _, err := p.with(i, "").get(p.servers[i].own(link))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("HTTP status %d", status)
	}
	return err
}

// code makes authorization codes on one server: they are used up by asking, so
// each question takes one of its own.
func (p *pair) code(maker int, component string) func(i int) error {
	p.t.Helper()
	app := appid(2 + maker)
	var codes []string
	for range 6 { // at once, before and after, on both
		codes = append(codes, strings.TrimSpace(p.servers[maker].cli("authorize", platformID, app, "--sets", "18,49")))
	}
	return func(i int) error {
		code := codes[0]
		codes = codes[1:]
		return p.with(i, component).call("/cgi-bin/component/api_query_auth",
			tcb.QueryAuthRequest{ComponentAppID: ptr(platformID), AuthorizationCode: &code}, nil)
	}
}

// refreshes lets tokens of one authorization be issued on both servers at
// once: each is good on both until five minutes after the next was issued,
// give or take a minute, and only one for longer (CR-8).
func (p *pair) refreshes() {
	const app, each = 4, 6
	component := p.component(0, strings.TrimSpace(p.servers[0].cli("ticket", platformID)))
	first, err := p.with(0, component).newToken(app)
	must(p.t, "the first token", err)
	tokens := make([]string, 2*each, 2*each+1)
	var wg sync.WaitGroup
	for k := range tokens {
		wg.Go(func() {
			var err error
			if tokens[k], err = p.with(k%2, component).newToken(app); err != nil {
				p.t.Errorf("a refresh beside others: %v", err)
			}
		})
	}
	wg.Wait()
	tokens = append(tokens, first)
	begin := p.now
	for _, after := range []time.Duration{
		0, 5*time.Minute - clocksApart - time.Millisecond, 5 * time.Minute,
		5*time.Minute + clocksApart + time.Second,
	} {
		p.pass(begin.Add(after).Sub(p.now))
		good := p.good(tokens)
		p.t.Logf("of %d tokens issued at once on both, %d and %d are good after %v", len(tokens), len(good[0]), len(good[1]), after)
		switch {
		case after < 5*time.Minute && (len(good[0]) < len(tokens) || len(good[1]) < len(tokens)):
			p.t.Errorf("after %v only %d and %d are good", after, len(good[0]), len(good[1]))
		case after > 5*time.Minute && (len(good[0]) != 1 || !slices.Equal(good[0], good[1])):
			p.t.Errorf("after %v %d and %d are good, want the newest alone", after, len(good[0]), len(good[1]))
		}
	}
}

// good are the tokens that each server takes.
func (p *pair) good(tokens []string) (good [2][]string) {
	for i := range p.servers {
		for _, token := range tokens {
			switch _, err := p.with(i, token).codeSecret(); outcome(err) {
			case "ok":
				good[i] = append(good[i], token)
			case "40014":
			default:
				p.t.Errorf("a token that was replaced: %v", err)
			}
		}
	}
	return good
}

// sets goes from one server to the other with sets: what decides is the
// version, and the history has each.
func (p *pair) sets() {
	component := p.component(0, strings.TrimSpace(p.servers[0].cli("ticket", platformID)))
	token, err := p.with(1, component).newToken(5)
	must(p.t, "token", err)
	const many = 6
	for k := range many {
		now, err := p.with(1-k%2, token).permission(envid(5, 0))
		must(p.t, "get", err)
		next := permission{open: true, list: []string{fmt.Sprintf("/n%d", k)}, version: now.version}
		must(p.t, "set", p.with(k%2, token).setPermission(envid(5, 0), next))
		p.both("a set with the version of before", "40097", func(i int) error {
			next.list = []string{"/late"}
			return p.with(i, token).setPermission(envid(5, 0), next)
		})
	}
	changes, err := p.servers[0].operator().WhitelistHistory(p.t.Context(), envid(5, 0))
	must(p.t, "history", err)
	there := map[int64]string{}
	for _, ch := range changes {
		there[ch.Version] += fmt.Sprint(ch.Whitelist)
	}
	for k := range int64(many) {
		if got, want := there[4+2*k], fmt.Sprintf("[/n%d]", k); got != want {
			p.t.Errorf("version %d in the history is %s, want %s", 4+2*k, got, want)
		}
	}
}
