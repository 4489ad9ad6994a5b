package consent

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/throttle"
)

// Paths are where the page is; the latter two are those for phones (CO-1).
var Paths = []string{"/cgi-bin/componentloginpage", "/wxaopen/safe/bindcomponent", "/safe/bindcomponent"}

// Config is what a Page works with. Cloud is required.
type Config struct {
	Cloud *cloud.Service
	// Open shows the Mini Programs, and asks for no code: for development.
	Open bool
	// PublicURL is how browsers reach the server; "": as each does.
	PublicURL string
	// FalseCodes is how many codes of a Mini Program may be false in a minute, from one
	// address, before more are refused; default DefaultFalseCodes.
	FalseCodes int
}

// DefaultFalseCodes is the default of Config.FalseCodes (CO-3).
const DefaultFalseCodes = 10

// maxChoices is how many Mini Programs an open page lists.
const maxChoices = 200

// Page is the consent page.
type Page struct {
	cloud     *cloud.Service
	open      bool
	publicURL string
	tries     *throttle.Throttle
}

// New returns the page.
func New(cfg Config) *Page {
	return &Page{
		cloud: cfg.Cloud, open: cfg.Open, publicURL: cfg.PublicURL,
		tries: throttle.New(cmp.Or(cfg.FalseCodes, DefaultFalseCodes)),
	}
}

// visit is one request for the page.
type visit struct {
	page    *Page
	w       http.ResponseWriter
	r       *http.Request
	caller  cloud.Caller
	address string // of whoever asks
	l       language
	asked   asked
	offer   cloud.ConsentOffer
	to      *url.URL // where the page leads
}

// Serve answers a request for the page: with the page, or with the redirect to the
// platform's address. An error is for Refuse to answer; it is, or wraps, a
// cloud.Error. The caller is of this request, and nobody; address is where it comes
// from. Who calls bounds the body.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request, c cloud.Caller, address string) error {
	v := visit{page: p, w: w, r: r, caller: c, address: address, l: languageOf(r), asked: readAsked(r.URL.Query())}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if err := v.begin(r.Context()); err != nil {
			return err
		}
		return v.show(filled{AppID: v.asked.appid, Sets: v.offer.Sets})
	case http.MethodPost:
		return v.decide(context.WithoutCancel(r.Context()))
	}
	w.Header().Set("Allow", "GET, HEAD, POST")
	return v.problem(cloud.Refused(cloud.WrongMethod, ""), http.StatusMethodNotAllowed, in(v.l, "error_method"))
}

// begin finds out what a merchant is asked for, and where the page leads.
func (v *visit) begin(ctx context.Context) (err error) {
	invalid := cloud.Refused(cloud.InvalidArgs, "")
	if v.page.open && !v.isLocal() {
		return v.problem(invalid, http.StatusForbidden, in(v.l, "error_open_host"))
	}
	if v.asked.official {
		return v.problem(invalid, http.StatusBadRequest, in(v.l, "error_official"))
	}
	v.offer, err = v.page.cloud.OfferConsent(ctx, v.caller, cloud.ConsentAsked{
		Platform: v.asked.platform, PreAuthCode: v.asked.preAuthCode, Sets: v.asked.sets,
	})
	if err != nil {
		return err
	}
	v.to, err = parseRedirect(v.asked.redirect, v.offer.Hosts)
	if err == nil {
		return nil
	}
	name := "error_redirect"
	if errors.Is(err, errForeignHost) {
		name = "error_host"
	}
	return v.problem(invalid, http.StatusBadRequest, in(v.l, name), shortened(v.asked.redirect), v.allowed())
}

// isLocal reports whether a browser reached an open page under a name of this machine,
// or the one that the operator gave: another site could give itself one that leads here.
func (v *visit) isLocal() bool {
	host, _, err := net.SplitHostPort(v.r.Host)
	if err != nil {
		host = v.r.Host
	}
	public, err := url.Parse(v.page.publicURL)
	return isLoopback(strings.Trim(host, "[]")) || err == nil && public.Host != "" && strings.EqualFold(public.Host, v.r.Host)
}

// allowed names where the page may lead.
func (v *visit) allowed() string {
	if len(v.offer.Hosts) == 0 {
		return in(v.l, "error_loopback")
	}
	return strings.Join(v.offer.Hosts, ", ")
}

// shortened bounds what a page repeats of its address.
func shortened(text string) string {
	const most = 200
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// decide takes the merchant's decision.
func (v *visit) decide(ctx context.Context) error {
	invalid := cloud.Refused(cloud.InvalidArgs, "")
	if !isOurs(v.r, v.page.publicURL) {
		return v.problem(invalid, http.StatusForbidden, in(v.l, "error_site"))
	}
	f, err := readForm(v.r)
	if err != nil {
		return v.problem(invalid, http.StatusBadRequest, in(v.l, "error_form"))
	}
	if err := v.begin(ctx); err != nil {
		return err
	}
	if f.Refuse {
		return v.message(http.StatusOK, "refused_title", in(v.l, "refused"))
	}
	if v.asked.appid != "" {
		f.AppID = v.asked.appid
	}
	if at := v.missing(f); at != (fault{}) {
		return v.again(f, invalid, at)
	}
	token, err := v.give(ctx, f)
	switch {
	case err == nil:
		v.redirect(token)
		return nil
	case cloud.KindOf(err) == cloud.ConsentCodeInvalid:
		return v.again(f, err, fault{"code", "code_false"})
	case cloud.KindOf(err) == cloud.InvalidArgs:
		return v.again(f, err, fault{"set", "sets_false"})
	}
	return err
}

// missing returns what a form lacks.
func (v *visit) missing(f filled) fault {
	switch {
	case f.AppID == "" && v.page.open:
		return fault{"appid", "appid_choose"}
	case f.AppID == "":
		return fault{"appid", "appid_missing"}
	case f.Code == "" && !v.page.open:
		return fault{"code", "code_missing"}
	case len(f.Sets) == 0:
		return fault{"set", "sets_missing"}
	}
	return fault{}
}

// give gives the consent. Of one address so many codes of a Mini Program may be false
// in a minute (CO-3).
func (v *visit) give(ctx context.Context, f filled) (cloud.Token, error) {
	c := v.caller
	if v.page.open {
		c.Operator, c.By = true, "open-consent"
	} else if !v.page.tries.Take(v.address + " " + f.AppID) {
		return cloud.Token{}, v.problem(
			cloud.Refused(cloud.LimitReached, ""), http.StatusTooManyRequests, in(v.l, "error_wait"))
	}
	asked := cloud.ConsentAsked{Platform: v.asked.platform, PreAuthCode: v.asked.preAuthCode, Sets: v.asked.sets}
	token, err := v.page.cloud.GiveConsent(ctx, c, asked, f.AppID, f.Code, f.Sets)
	switch cloud.KindOf(err) {
	case cloud.ConsentCodeInvalid:
		err = v.page.cloud.RefuseSecret(c.RID, v.asked.platform, f.AppID, "consent", v.address, err)
	case cloud.NotFound, cloud.Conflict:
		err = v.problem(err, http.StatusBadRequest, in(v.l, "error_removed"))
	default:
		if !v.page.open {
			v.page.tries.Give(v.address + " " + f.AppID)
		}
	}
	return token, err
}

// redirect leads to the platform's address with the code (CO-6).
func (v *visit) redirect(token cloud.Token) {
	v.headers()
	v.w.Header().Set("Location", addCode(v.asked.redirect, token.Value, seconds(token)))
	v.w.WriteHeader(http.StatusSeeOther)
}

// choices are the Mini Programs that an open page lists.
func (v *visit) choices(ctx context.Context, chosen string) ([]choice, error) {
	if !v.page.open {
		return nil, nil
	}
	all, err := v.page.cloud.MiniPrograms(ctx,
		cloud.MiniProgramFilter{Disabled: cloud.Given(false)}, cloud.Page{Limit: maxChoices})
	var list []choice
	for _, m := range all {
		if v.asked.appid == "" || m.AppID == v.asked.appid {
			list = append(list, choice{m.AppID, cmp.Or(m.Name, m.AppID), m.AppID == chosen || len(all) == 1})
		}
	}
	return list, err
}

// setsOf are the permission sets of the form, and which are ticked.
func (v *visit) setsOf(ticked []int) (list []set) {
	for _, id := range v.offer.Sets {
		list = append(list, newSet(v.l, id, slices.Contains(ticked, id)))
	}
	return list
}
