package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// browser is a Chromium in front of a consent page.
type browser struct {
	*consentBench
	ctx  context.Context
	back *httptest.Server // where the page leads
	came chan *url.URL    // what came there
}

// newBrowser starts one that asks for a language.
func newBrowser(t *testing.T, language string) *browser {
	program := testserver.Program(t, "chromium")
	b := &browser{consentBench: newConsentBench(t), came: make(chan *url.URL, 10)}
	b.back = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/back" {
			b.came <- r.URL
		}
		io.WriteString(w, "<title>Back</title>")
	}))
	t.Cleanup(b.back.Close)
	_, err := b.admin().ChangePlatform(t.Context(), consentPlatform, cloud.PlatformChange{
		ConsentHosts: cloud.Given([]string{strings.TrimPrefix(b.back.URL, "http://")}),
	})
	b.ok(err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(2*time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	ctx, late := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(late)
	b.ctx = ctx
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
			t.Errorf("the browser says: %s", e.Entry.Text)
		}
	})
	b.do(log.Enable(), network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}))
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.OuterHTML("html", &text, chromedp.ByQuery))
		b.t.Fatalf("%v\n%s", err, text)
	}
}

// opens opens the page.
func (b *browser) opens(with ...string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.link(append([]string{"redirect_uri", b.back.URL + "/back?state=1"}, with...)...)))
}

// shows waits for a text on the page.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(fmt.Sprintf("//main[contains(., %q)]", text), chromedp.BySearch))
}

// arrives wants the browser to have come back with a code for one Mini Program, which
// has granted so many sets.
func (b *browser) arrives(sets int) {
	b.t.Helper()
	b.do(chromedp.WaitReady("//title[text()='Back']", chromedp.BySearch))
	u := <-b.came
	if u.Query().Get("state") != "1" || u.Query().Get("expires_in") != "3600" {
		b.t.Errorf("the browser came to %s", u)
	}
	g, err := b.platform.QueryAuth(b.t.Context(), consentPlatform, u.Query().Get("auth_code"))
	b.ok(err)
	if g.AuthorizerAppID != consentMini || len(g.FuncInfo) != sets {
		b.t.Errorf("granted %+v", g)
	}
}

func input(name string) string { return `input[name="` + name + `"]` }

func button(decision string) string { return `button[value="` + decision + `"]` }

// TestConsentInBrowser: clicks and typing, on a desktop and on a phone, in both
// languages, with and without JavaScript.
//
// Proves: CO-2, CO-6, CO-7
func TestConsentInBrowser(t *testing.T) {
	b := newBrowser(t, "zh-CN,zh;q=0.9")
	b.opens()
	b.shows("云开发管理")
	b.named()
	b.do(chromedp.Click(`input[value="64"]`), chromedp.SendKeys(input("appid"), consentMini),
		chromedp.SendKeys(input("code"), b.code), chromedp.Click(button("authorize")))
	b.arrives(2)

	b.do(network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": "en"}), emulation.SetScriptExecutionDisabled(true),
		chromedp.EmulateViewport(320, 640, chromedp.EmulateMobile))
	b.opens()
	b.shows("Cloud development")
	b.fits()
	b.do(chromedp.SendKeys(input("appid"), consentMini), chromedp.SendKeys(input("code"), "0000-0000-0000-0000"),
		chromedp.Click(button("authorize")))
	b.shows("The code does not fit")
	b.fits()
	var appid, code, focused string
	b.do(chromedp.Value(input("appid"), &appid), chromedp.Value(input("code"), &code),
		chromedp.Evaluate("document.activeElement.name", &focused))
	if appid != consentMini || code != "" || focused != "code" {
		t.Errorf("after a false code the form has %q, %q and the focus is on %q", appid, code, focused)
	}
	// The focus is on the code; Enter sends the form.
	b.do(chromedp.SendKeys(input("code"), b.code+kb.Enter))
	b.arrives(3)

	b.opens()
	b.do(chromedp.Click(button("refuse")))
	b.shows("You refused")
	b.fits()
	b.opens("redirect_uri", "https://evil.example/")
	b.shows("a host that the platform has not named")
	b.fits()
	select {
	case u := <-b.came:
		t.Errorf("the browser came to %s", u)
	default:
	}
}

// fits wants the page not to be wider than the window, and its text to be readable.
func (b *browser) fits() {
	b.t.Helper()
	var over, size float64
	b.do(chromedp.Evaluate("document.scrollingElement.scrollWidth - window.innerWidth", &over),
		chromedp.Evaluate("parseFloat(getComputedStyle(document.querySelector('main')).fontSize)", &size))
	if over > 0 || size < 16 {
		b.t.Errorf("the page is %v wider than the window, its text of %v pixels", over, size)
	}
}

// named wants whatever can be used to have a name for who does not see it, and the
// page to have its looks.
func (b *browser) named() {
	b.t.Helper()
	type text struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Role text `json:"role"`
			Name text `json:"name"`
		} `json:"nodes"`
	}
	var color string
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree)
	}), chromedp.Evaluate(`getComputedStyle(document.querySelector('button')).backgroundColor`, &color))
	found := map[string]int{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if strings.HasPrefix(name, "XXXX") { // the browser makes do with it
			b.t.Errorf("a %s has no label, but an example", role)
		}
		if found[role]++; name == "" && (role == "textbox" || role == "checkbox" || role == "button") {
			b.t.Errorf("a %s has no name", role)
		}
	}
	if found["textbox"] != 2 || found["checkbox"] != 3 || found["button"] != 2 || found["heading"] != 1 || found["main"] != 1 {
		b.t.Errorf("the page has %v", found)
	}
	if color != "rgb(8, 105, 61)" && color != "rgb(75, 208, 139)" {
		b.t.Errorf("a button is %s: the looks are missing", color)
	}
}

// TestConsentByKeyboard: the tabulator key leads through the form in its order.
//
// Proves: CO-2
func TestConsentByKeyboard(t *testing.T) {
	b := newBrowser(t, "en")
	b.opens()
	b.shows("Authorize")
	keys := func(keys string) chromedp.Action { return chromedp.KeyEvent(keys) }
	b.do(keys(kb.Tab), keys(kb.Tab), keys(" "), keys(kb.Tab), keys(" "), keys(kb.Tab), keys(consentMini), keys(kb.Tab),
		keys(b.code), keys(kb.Tab), keys(kb.Enter))
	b.arrives(1)
}

// TestConsentPageElsewhere: another site can neither show the page in a frame nor send
// its form.
//
// Proves: CO-8
func TestConsentPageElsewhere(t *testing.T) {
	b := newBrowser(t, "en")
	link := b.link("redirect_uri", b.back.URL+"/back")
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/frame" {
			fmt.Fprintf(w, `<title>frame</title><iframe src="%s"></iframe>`, strings.ReplaceAll(link, "&", "&amp;"))
			return
		}
		fmt.Fprintf(w, `<form method=post action="%s"><input name=appid value=%s><input name=code value=%s>
			<input name=set value=49><button name=decision value=authorize>win</button></form>`,
			strings.ReplaceAll(link, "&", "&amp;"), consentMini, b.code)
	}))
	t.Cleanup(evil.Close)
	framed := make(chan string, 10)
	other := b.withoutPolicy(framed)
	b.ok(chromedp.Run(other, chromedp.Navigate(evil.URL+"/frame"), chromedp.WaitReady("iframe")))
	select {
	case text := <-framed:
		if !strings.Contains(text, "frame") {
			t.Errorf("the browser says %q", text)
		}
	case <-b.ctx.Done():
		t.Error("the browser shows the page in a frame")
	}
	for _, site := range []string{evil.URL, strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)} {
		b.do(chromedp.Navigate(site), chromedp.Click("button"))
		b.shows("The form came from another site")
	}
	_, err := b.admin().Authorization(t.Context(), consentPlatform, consentMini)
	if refusal, ok := err.(*admin.Refusal); !ok || refusal.Status != http.StatusNotFound {
		t.Errorf("there is an authorization, or: %v", err)
	}
}

// withoutPolicy is another tab, whose messages about its policy are given to said.
func (b *browser) withoutPolicy(said chan<- string) context.Context {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	b.t.Cleanup(end)
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok && strings.Contains(e.Entry.Text, "fram") {
			select {
			case said <- e.Entry.Text:
			default:
			}
		}
	})
	b.ok(chromedp.Run(ctx, log.Enable()))
	return ctx
}
