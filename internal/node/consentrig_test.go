package node_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

const (
	consentPlatform = "wx00000000000000c1"
	consentOther    = "wx00000000000000c2"
	consentMini     = "wx00000000000000a1"
	consentMini2    = "wx00000000000000a2"
	consentSecret   = "the-secret-of-platform-one"
	consentBack     = "https://app.example.com/back?state=a%20b&x=1#part"

	consentWorld = `platforms:
  - {appid: ` + consentPlatform + `, secret: ` + consentSecret + `, name: "<b>Acme</b> & sons", permission_sets: [18, 49, 64], consent_hosts: [App.example.com, "app.example.com:8443", "[2001:db8::1]:8080"]}
  - {appid: ` + consentOther + `, secret: the-secret-of-platform-two, permission_sets: [49]}
miniprograms:
  - {appid: ` + consentMini + `, name: Corner shop}
  - {appid: ` + consentMini2 + `, name: Noodle bar}
`
)

// consentBench is a server with platforms that merchants can consent to.
type consentBench struct {
	*bench
	platform *tcb.Client // consentPlatform, with its own token
	code     string      // a consent code of consentMini
}

func newConsentBench(t *testing.T, change ...func(*node.Config)) *consentBench {
	b := &consentBench{bench: startBenchOn(t, nil, append([]func(*node.Config){func(c *node.Config) {
		c.Limits.FalseSecrets = 10
	}}, change...)...)}
	b.ok(operator{b.bench}.Apply(consentWorld))
	b.platform = b.as(consentPlatform, consentSecret)
	b.code = b.newCode(consentMini).Code
	return b
}

// as returns a client that is a platform.
func (b *consentBench) as(platform, secret string) *tcb.Client {
	b.t.Helper()
	ticket, err := b.admin().Ticket(b.t.Context(), platform)
	b.ok(err)
	token, err := (&tcb.Client{BaseURL: b.node.APIURL()}).ComponentToken(b.t.Context(), platform, secret, ticket)
	b.ok(err)
	return &tcb.Client{BaseURL: b.node.APIURL(), Tokens: tcb.StaticToken(token.ComponentAccessToken)}
}

func (b *consentBench) newCode(appid string) admin.ConsentCode {
	b.t.Helper()
	made, err := b.admin().MakeConsentCode(b.t.Context(), appid, 0)
	b.ok(err)
	return made
}

func (b *consentBench) preAuth() string {
	b.t.Helper()
	made, err := b.platform.CreatePreAuthCode(b.t.Context(), consentPlatform)
	b.ok(err)
	return made.PreAuthCode
}

// link is the address of the page, with these parameters beside or in place of those
// that a platform gives; "" leaves one out.
func (b *consentBench) link(with ...string) string {
	b.t.Helper()
	q := url.Values{
		"component_appid": {consentPlatform}, "redirect_uri": {consentBack}, "auth_type": {"3"},
	}
	for i := 0; i < len(with); i += 2 {
		q.Set(with[i], with[i+1])
	}
	if !q.Has("pre_auth_code") {
		q.Set("pre_auth_code", b.preAuth())
	}
	return b.node.APIURL() + "/cgi-bin/componentloginpage?" + q.Encode()
}

// visited is how a request for the page ended.
type visited struct {
	*http.Response
	body string
}

// has reports whether the page has all of these texts.
func (v visited) has(texts ...string) bool {
	for _, text := range texts {
		if !strings.Contains(v.body, text) {
			return false
		}
	}
	return true
}

// visit asks for a page in English, or sends its form if there is one.
func (b *consentBench) visit(address string, form url.Values, headers ...string) visited {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	b.ok(err)
	req.Header.Set("Accept-Language", "en-GB,en;q=0.9,zh;q=0.5")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	b.ok(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	b.ok(err)
	return visited{resp, string(text)}
}

// filledIn is a form that consents to sets 18 and 49.
func (b *consentBench) filledIn(with ...string) url.Values {
	form := url.Values{"appid": {consentMini}, "code": {b.code}, "set": {"18", "49"}, "decision": {"authorize"}}
	for i := 0; i < len(with); i += 2 {
		form.Set(with[i], with[i+1])
	}
	return form
}

// wants wants an error page with a status and a text.
func (b *consentBench) wants(what string, v visited, status int, texts ...string) {
	b.t.Helper()
	if v.StatusCode != status || !v.has(texts...) || v.Header.Get("Location") != "" {
		b.t.Errorf("%s: %d, to %q, want %d with %q\n%s", what, v.StatusCode, v.Header.Get("Location"), status, texts,
			v.body[strings.Index(v.body, "<main>")+1:])
	}
}
