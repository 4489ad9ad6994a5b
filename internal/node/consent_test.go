package node_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/consent"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

// TestConsentForm: the form without JavaScript, from the page to the platform's
// address, whose code is good once. The event's code is another, with the same refresh
// token.
//
// Proves: CO-1, CO-2, CO-6, AI-6
func TestConsentForm(t *testing.T) {
	b := newConsentBench(t)
	r := newReceiver(t)
	b.receives(consentPlatform, r)
	r.next(tcb.EventTicket)
	for i, path := range consent.Paths {
		preAuth := b.preAuth()
		link := strings.Replace(b.link("pre_auth_code", preAuth, "action", "bindcomponent", "no_scan", "1"),
			consent.Paths[0], path, 1)
		page := b.visit(link, nil)
		b.wants(path, page, http.StatusOK, "&lt;b&gt;Acme&lt;/b&gt; &amp; sons", consentPlatform, "Authorize", "Refuse",
			"Development and data analysis", "Cloud development", "Permission set 64", `lang="en"`,
			`name="set" value="64" checked`, "https://app.example.com")
		if page.has("Corner shop") || page.has("<b>Acme") || page.has("<script") {
			t.Errorf("the page shows what it must not:\n%s", page.body)
		}
		done := b.visit(link, b.filledIn("code", strings.ToLower(strings.ReplaceAll(b.code, "-", " "))))
		before, after, _ := strings.Cut(done.Header.Get("Location"), "&auth_code=")
		code, err := url.QueryUnescape(strings.TrimSuffix(after, "&expires_in=3600#part"))
		if done.StatusCode != http.StatusSeeOther || before != "https://app.example.com/back?state=a%20b&x=1" || err != nil {
			t.Fatalf("%d to %q: %s", done.StatusCode, done.Header.Get("Location"), done.body)
		}
		g, err := b.platform.QueryAuth(t.Context(), consentPlatform, code)
		b.ok(err)
		if g.AuthorizerAppID != consentMini || len(g.FuncInfo) != 2 {
			t.Errorf("granted %+v", g)
		}
		b.wants("the code's link again", b.visit(link, nil), http.StatusBadRequest, "used already")
		if i > 0 {
			continue
		}
		e := r.next(tcb.EventAuthorized).event
		if e.PreAuthCode != preAuth || e.AuthorizationCode == code {
			t.Errorf("the event is %+v", e)
		}
		pushed, err := b.platform.QueryAuth(t.Context(), consentPlatform, e.AuthorizationCode)
		b.ok(err)
		if pushed.AuthorizerRefreshToken != g.AuthorizerRefreshToken {
			t.Error("the pushed and the redirected code have different refresh tokens")
		}
	}
}

// TestConsentAsked: what a platform may ask for, and how links are refused.
//
// Proves: CO-1, CO-4, CO-9
func TestConsentAsked(t *testing.T) {
	b := newConsentBench(t)
	narrow := b.link("category_id_list", "49|7|x", "auth_type", "2")
	page := b.visit(narrow, nil)
	b.wants("narrowed", page, http.StatusOK, "Cloud development")
	if page.has("Permission set 64") || page.has("Development and data") {
		t.Error("sets are shown that are not asked for")
	}
	b.wants("a set that is not asked for", b.visit(narrow, b.filledIn()), http.StatusBadRequest, "Choose among")
	b.wants("the Mini Program is given", b.visit(b.link("biz_appid", consentMini2), nil), http.StatusOK,
		`value="`+consentMini2+`" readonly`)
	b.wants("another than the given", b.visit(b.link("biz_appid", consentMini2), b.filledIn()), http.StatusBadRequest,
		"does not fit")
	other := b.as(consentOther, "the-secret-of-platform-two")
	foreign, err := other.CreatePreAuthCode(t.Context(), consentOther)
	b.ok(err)
	old := b.preAuth()
	for what, c := range map[string]struct{ link, text string }{
		"official accounts alone": {b.link("auth_type", "1"), "auth_type=2"},
		"no such platform":        {b.link("component_appid", "wx00000000000000ee"), "no such platform"},
		"no platform":             {b.link("component_appid", ""), "no such platform"},
		"nothing is asked for":    {b.link("category_id_list", "7"), "asks for no permission"},
		"no pre-auth code":        {b.link("pre_auth_code", ""), "pre_auth_code is none"},
		"an invented one":         {b.link("pre_auth_code", "preauthcode@@@invented"), "pre_auth_code is none"},
		"an altered one":          {b.link("pre_auth_code", old[:len(old)-2]+"AA"), "pre_auth_code is none"},
		"another platform's":      {b.link("pre_auth_code", foreign.PreAuthCode), "pre_auth_code is none"},
		"an access token":         {b.link("pre_auth_code", "preauthcode@@@"+tokenText(b, b.platform)), "pre_auth_code is none"},
	} {
		for _, form := range []url.Values{nil, b.filledIn()} {
			b.wants(what, b.visit(c.link, form), http.StatusBadRequest, c.text, "Reference ")
		}
	}
	b.offset.Add(int64(1799 * time.Second))
	b.wants("almost 30 minutes old", b.visit(b.link("pre_auth_code", old), nil), http.StatusOK, "Authorize")
	b.offset.Add(int64(2 * time.Second))
	b.wants("30 minutes old", b.visit(b.link("pre_auth_code", old), nil), http.StatusBadRequest, "30 minutes old")
	b.platform = b.as(consentPlatform, consentSecret)
	link := b.link()
	_, err = b.admin().ChangePlatform(t.Context(), consentPlatform, cloud.PlatformChange{Disabled: cloud.Given(true)})
	b.ok(err)
	b.wants("a platform that is disabled", b.visit(link, b.filledIn()), http.StatusBadRequest, "disabled")
}

func tokenText(b *consentBench, c *tcb.Client) string {
	b.t.Helper()
	token, err := c.Tokens.Token(b.t.Context())
	b.ok(err)
	return token
}

// TestConsentWhere: the page leads nowhere else than where the platform has said.
//
// Proves: CO-5
func TestConsentWhere(t *testing.T) {
	b := newConsentBench(t)
	for address, good := range map[string]bool{
		"https://app.example.com": true, "http://app.example.com/x?y#z": true, "HTTPS://APP.example.COM:443/": true,
		"http://app.example.com:80/": true, "https://app.example.com:8443/": true, "http://app.example.com:8443/": true,
		"http://[2001:db8::1]:8080/": true, "https://app.example.com//evil.example/": true,
		"https://app.example.com:80/": false, "https://app.example.com:8444/": false, "https://evil.example/": false,
		"https://app.example.com.evil.example/": false, "https://evilapp.example.com/": false, "https://example.com/": false,
		"https://app.example.com@evil.example/": false, "https://evil.example@app.example.com/": false,
		"https://app.example.com:443@evil.example/": false, "https://evil.example\\@app.example.com/": false,
		"https://app.example.com\\.evil.example/": false, "//app.example.com/": false, "/back": false, "back": false, "": false,
		"https:app.example.com/": false, "https:/app.example.com/": false, "https:///app.example.com/": false,
		"javascript:alert(1)//https://app.example.com/": false, "data:text/html,x": false, "ftp://app.example.com/": false,
		"https://app%2eexample.com/": false, "https://app.example.com%2f@evil.example/": false,
		"https://app.example.com%00.evil.example/": false, "https://\u0430pp.example.com/": false,
		"https://app.example.com\u3002evil.example/": false, "https://app.example.com./": false, " https://app.example.com/": false,
		"https://app.example.com/\r\nX: y": false, "https://app.example.com/\t": false, "https://app.example.com#@evil.example/": true,
		"https://app.example.com?@evil.example/": true, "https://evil.example#@app.example.com/": false,
		"https://evil.example?.app.example.com/": false, "https://[2001:db8::1]/": false, "http://2001:db8::1:8080/": false,
		"http://localhost/": false, "https://app.example.com:08443/": false, "https://app.example.com:": false,
	} {
		link := b.link("redirect_uri", address)
		page := b.visit(link, nil)
		if !good {
			b.wants(fmt.Sprintf("%q", address), page, http.StatusBadRequest, "app.example.com:8443", "ask the platform")
			b.wants(fmt.Sprintf("%q", address), b.visit(link, b.filledIn()), http.StatusBadRequest, "app.example.com:8443")
			continue
		}
		b.wants(address, page, http.StatusOK, "Authorize")
	}
	b.wants("markup in it", b.visit(b.link("redirect_uri", `https://x"><script>alert(1)</script>`), nil),
		http.StatusBadRequest, "&lt;script&gt;")
	done := b.visit(b.link("redirect_uri", "https://app.example.com/路径?名=值"), b.filledIn())
	const escaped = "https://app.example.com/%E8%B7%AF%E5%BE%84?%E5%90%8D=%E5%80%BC&auth_code="
	if to := done.Header.Get("Location"); !strings.HasPrefix(to, escaped) {
		t.Errorf("it leads to %q", to)
	}
	none := cloud.PlatformChange{ConsentHosts: cloud.Given([]string{})}
	_, err := b.admin().ChangePlatform(t.Context(), consentPlatform, none)
	b.ok(err)
	for address, good := range map[string]bool{
		"http://localhost:3000/x": true, "http://127.9.9.9/": true, "https://[::1]:1/": true, "http://LOCALHOST/": true,
		"http://localhost.evil.example/": false, "http://127.1/": false, "http://0x7f000001/": false, "http://2130706433/": false,
		"http://0.0.0.0/": false, "https://app.example.com/": false, "http://[::ffff:127.0.0.1]/": true,
	} {
		status := http.StatusOK
		if !good {
			status = http.StatusBadRequest
		}
		b.wants(address, b.visit(b.link("redirect_uri", address), nil), status)
	}
}

// TestConsentCodes: who may consent, and how often one may try.
//
// Proves: CO-3, CO-7
func TestConsentCodes(t *testing.T) {
	b := newConsentBench(t)
	link := b.link()
	second := b.newCode(consentMini)
	brief, err := b.admin().MakeConsentCode(t.Context(), consentMini, time.Minute)
	b.ok(err)
	elsewhere := b.newCode(consentMini2)
	for _, secret := range []string{b.code, second.Code, brief.Code} {
		for what, text := range map[string]func() ([]byte, error){"stored": b.stored, "audit": b.audit} {
			all, err := text()
			b.ok(err)
			if strings.Contains(string(all), secret) || strings.Contains(string(all), strings.ReplaceAll(secret, "-", "")) {
				t.Errorf("a consent code is %s", what)
			}
		}
	}
	b.ok(b.admin().RevokeConsentCodes(t.Context(), consentMini, second.ID))
	b.offset.Add(int64(61 * time.Second))
	for what, form := range map[string]url.Values{
		"a false code":        b.filledIn("code", "0000-0000-0000-0000"),
		"a revoked code":      b.filledIn("code", second.Code),
		"an expired code":     b.filledIn("code", brief.Code),
		"another's code":      b.filledIn("code", elsewhere.Code),
		"no such program":     b.filledIn("appid", "wx00000000000000ee"),
		"a platform":          b.filledIn("appid", consentPlatform),
		"markup as appid":     b.filledIn("appid", `"><script>`),
		"a code that is less": b.filledIn("code", b.code[:18]),
	} {
		page := b.visit(link, form)
		b.wants(what, page, http.StatusBadRequest, "does not fit this AppID")
		if page.has(form.Get("code")) || page.has("<script>") {
			t.Errorf("%s: the page repeats it\n%s", what, page.body)
		}
	}
	b.wants("no code", b.visit(link, b.filledIn("code", "")), http.StatusBadRequest, "Enter the consent code")
	b.wants("no appid", b.visit(link, b.filledIn("appid", " ")), http.StatusBadRequest, "Enter the AppID")
	none := b.filledIn()
	none.Del("set")
	b.wants("no sets", b.visit(link, none), http.StatusBadRequest, "Keep at least one")
	b.wants("refused", b.visit(link, url.Values{"decision": {"refuse"}}), http.StatusOK, "You refused")
	list, err := b.admin().Authorization(t.Context(), consentPlatform, consentMini)
	if err == nil {
		t.Errorf("there is an authorization: %+v", list)
	}

	var waits, passes atomic.Int64
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			switch v := b.visit(link, b.filledIn("appid", consentMini2, "code", "0000-0000-0000-0000")); v.StatusCode {
			case http.StatusTooManyRequests:
				waits.Add(1)
			case http.StatusBadRequest:
				passes.Add(1)
			}
		})
	}
	wg.Wait()
	if passes.Load() != 10 || waits.Load() != 30 {
		t.Errorf("%d false codes were looked at, %d told to wait; want 10 and 30", passes.Load(), waits.Load())
	}
	b.wants("the right code, too late", b.visit(link, b.filledIn("appid", consentMini2, "code", elsewhere.Code)),
		http.StatusTooManyRequests, "wait a minute")
	if v := b.visit(link, b.filledIn()); v.StatusCode != http.StatusSeeOther {
		t.Errorf("another Mini Program waits too: %d %s", v.StatusCode, v.body)
	}
	recs := b.records(t, "authorize")
	if len(recs) != 1 || recs[0].Operator || !strings.HasPrefix(recs[0].By, "consent-code:") {
		t.Errorf("recorded: %+v", recs)
	}
}

// records are those of an action.
func (b *consentBench) records(t *testing.T, action string) (all []cloud.Record) {
	t.Helper()
	text, err := b.audit()
	b.ok(err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"action":"`+action+`"`) {
			all = append(all, cloud.Record{By: between(line, `"by":"`, `"`), Operator: strings.Contains(line, `"operator":true`)})
		}
	}
	return all
}

func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	rest, _, _ = strings.Cut(rest, end)
	return rest
}

// TestConsentOtherSites: forms from elsewhere are refused, and what keeps pages out of
// frames and caches is there, of errors too.
//
// Proves: CO-8
func TestConsentOtherSites(t *testing.T) {
	b := newConsentBench(t)
	host := strings.TrimPrefix(b.node.APIURL(), "http://")
	for what, headers := range map[string][]string{
		"another site": {"Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"},
		"its origin":   {"Origin", "http://evil.example"},
		"another port": {"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"},
		"no origin":    {"Origin", "null"},
		"a lie":        {"Sec-Fetch-Site", "cross-site", "Origin", "http://" + host},
	} {
		b.wants(what, b.visit(b.link(), b.filledIn(), headers...), http.StatusForbidden, "another site")
	}
	for what, headers := range map[string][]string{
		"itself":                  {"Sec-Fetch-Site", "same-origin", "Origin", "null"},
		"itself, over plain HTTP": {"Origin", "http://" + host},
		"no browser":              nil,
	} {
		if v := b.visit(b.link(), b.filledIn(), headers...); v.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", what, v.StatusCode, v.body)
		}
	}
	link := b.link()
	for what, v := range map[string]visited{
		"page": b.visit(link, nil), "error": b.visit(b.link("pre_auth_code", "x"), nil), "form": b.visit(link, url.Values{}),
		"refusal": b.visit(link, url.Values{"decision": {"refuse"}}), "redirect": b.visit(link, b.filledIn()),
		"other method": b.method(http.MethodPut, link),
	} {
		policy := v.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-"} {
			if !strings.Contains(policy, part) || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
				t.Errorf("%s: the policy is %q", what, policy)
			}
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := v.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", what, name, got)
			}
		}
	}
}

func (b *consentBench) method(method, address string) visited {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, nil)
	b.ok(err)
	resp, err := http.DefaultClient.Do(req)
	b.ok(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD, POST" {
		b.t.Errorf("%s: %s", method, resp.Status)
	}
	return visited{resp, ""}
}

// TestConsentLanguages: Chinese or English, as the browser asks.
//
// Proves: CO-2
func TestConsentLanguages(t *testing.T) {
	b := newConsentBench(t)
	link := b.link()
	for accept, zh := range map[string]bool{
		"zh-CN,zh;q=0.9": true, "en-US,en;q=0.9": false, "fr,en;q=0.3,zh;q=0.2": false, "en;q=0.2,zh-TW;q=0.8": true,
		"": true, "fr": true, "en;q=0": true, "EN": false, "en;q=x, zh": true, strings.Repeat("xx,", 2000): true,
	} {
		page := b.visit(link, nil, "Accept-Language", accept)
		if page.has("云开发管理", `lang="zh-CN"`, "授权") != zh || page.has("Cloud development", `lang="en"`) == zh {
			t.Errorf("%.40q: Chinese %t\n%s", accept, !zh, page.body)
		}
	}
}

// TestOpenConsent: without codes, and only under a name of this machine.
//
// Proves: CO-3
func TestOpenConsent(t *testing.T) {
	b := newConsentBench(t, func(c *node.Config) { c.OpenConsent = true })
	link := b.link()
	b.wants("the page", b.visit(link, nil), http.StatusOK, "Corner shop", "Noodle bar", consentMini2, "for development")
	b.wants("nothing chosen", b.visit(link, b.filledIn("appid", "")), http.StatusBadRequest, "Choose a Mini Program")
	b.wants("one that is not there", b.visit(link, b.filledIn("appid", "wx00000000000000ee")), http.StatusBadRequest, "removed")
	if v := b.visit(link, b.filledIn("code", "")); v.StatusCode != http.StatusSeeOther {
		t.Errorf("%d\n%s", v.StatusCode, v.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.link(), nil)
	b.ok(err)
	req.Host = "rebound.example"
	resp, err := http.DefaultClient.Do(req)
	b.ok(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("under another name: %s", resp.Status)
	}
	cfg := node.Default()
	cfg.OpenConsent = true
	for listen, good := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "0.0.0.0:1": false, ":1": false, "192.0.2.1:1": false,
	} {
		cfg.Listen = listen
		if err := cfg.Check(); (err == nil) != good {
			t.Errorf("--open-consent --listen %s: %v", listen, err)
		}
	}
}
