package consent

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // for the markup and its looks
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

//go:embed page.css
var looks string

//go:embed page.html
var markup string

var pages = template.Must(template.New("page").Option("missingkey=error").Parse(markup))

// policy lets a page have its own looks and nothing else. A form may be sent to this
// address alone, but what answers it leads on to the platform's, and from there anywhere.
var policy = func() string {
	sum := sha256.Sum256([]byte(looks))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"form-action 'self' http: https:; frame-ancestors 'none'; base-uri 'none'"
}()

// view is what a page shows.
type view struct {
	l       language
	Title   string
	Message string // of a page without a form
	Trouble bool   // the message is that of an error
	RID     string

	Platform, Name string
	Initial        string // stands for the platform's picture
	Choices        []choice
	Open           bool
	AppID          string
	Fixed          bool // the Mini Program is given
	Sets           []set
	LeadsTo        string
	Fault          fault
}

// choice is a Mini Program of an open page.
type choice struct {
	AppID, Name string
	Chosen      bool
}

// set is a permission set.
type set struct {
	ID           int
	Name, Number string
	Ticked       bool
}

func newSet(l language, id int, ticked bool) set {
	number := strconv.Itoa(id)
	s := set{ID: id, Ticked: ticked, Name: fmt.Sprintf(in(l, "set"), number)}
	if cloud.KnownSet(id).Name != "" {
		s.Name, s.Number = in(l, number), fmt.Sprintf(in(l, "number"), number)
	}
	return s
}

// fault is what of a form has to be mended, and which text says so.
type fault struct{ Field, Text string }

// T returns a text in the page's language; Lang names the language.
func (v view) T(name string) string { return in(v.l, name) }

// Lang names the page's language in HTML.
func (v view) Lang() string {
	if v.l == chinese {
		return "zh-CN"
	}
	return "en"
}

// CSS is how the page looks.
func (view) CSS() template.CSS { return template.CSS(looks) }

// At returns what is wrong with a field, "" if nothing is.
func (v view) At(field string) string {
	if v.Fault.Field != field {
		return ""
	}
	return in(v.l, v.Fault.Text)
}

// problem is an error with the page that answers it.
type problem struct {
	err    error
	status int
	view   view
}

// Error returns the text of the cause.
func (p *problem) Error() string { return p.err.Error() }

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.err }

// problem returns an error that a page answers with a sentence.
func (v *visit) problem(err error, status int, sentence string, args ...any) error {
	if len(args) > 0 {
		sentence = fmt.Sprintf(sentence, args...)
	}
	return &problem{err, status, view{l: v.l, Title: in(v.l, "error_title"), Message: sentence, Trouble: true}}
}

// again returns an error that the form answers, with what is to be mended.
func (v *visit) again(f filled, err error, at fault) error {
	page, failed := v.form(f)
	if failed != nil {
		return failed
	}
	page.Fault = at
	return &problem{err, http.StatusBadRequest, page}
}

// form is the form, filled in so far; the code is never repeated.
func (v *visit) form(f filled) (view, error) {
	list, err := v.choices(v.r.Context(), f.AppID)
	name := cmp.Or(v.offer.Name, v.offer.Platform)
	return view{
		l: v.l, Title: in(v.l, "title"), Platform: v.offer.Platform, Name: name,
		Initial: strings.ToUpper(string([]rune(name)[:1])), Choices: list, Open: v.page.open, AppID: f.AppID,
		Fixed: v.asked.appid != "", Sets: v.setsOf(f.Sets), LeadsTo: v.to.Scheme + "://" + v.to.Host,
	}, err
}

// show answers with the form.
func (v *visit) show(f filled) error {
	page, err := v.form(f)
	if err == nil {
		v.headers()
		write(v.w, http.StatusOK, page)
	}
	return err
}

// message answers with a page that says something.
func (v *visit) message(status int, title, sentence string) error {
	v.headers()
	write(v.w, status, view{l: v.l, Title: in(v.l, title), Message: sentence})
	return nil
}

// sentences are what errors of the rules are answered with.
var sentences = map[cloud.Kind]string{
	cloud.InvalidAppID: "error_platform", cloud.InvalidComponent: "error_disabled", cloud.InvalidArgs: "error_asks",
	cloud.PreAuthInvalid: "error_preauth", cloud.PreAuthExpired: "error_expired", cloud.PreAuthUsed: "error_used",
	cloud.MalformedBody: "error_form",
}

// Refuse answers a request with the page of an error (CO-9).
func (p *Page) Refuse(w http.ResponseWriter, r *http.Request, rid string, err error) {
	l := languageOf(r)
	answer, ok := errors.AsType[*problem](err)
	if !ok {
		kind := cloud.KindOf(err)
		name, known := sentences[kind]
		answer = &problem{status: http.StatusBadRequest}
		switch {
		case kind == cloud.LimitReached:
			name, answer.status = "error_busy", http.StatusTooManyRequests
		case !known:
			name, answer.status = "error_busy", http.StatusServiceUnavailable
		}
		answer.view = view{l: l, Title: in(l, "error_title"), Message: in(l, name), Trouble: true}
	}
	answer.view.RID = fmt.Sprintf(in(l, "error_number"), rid)
	headers(w)
	write(w, answer.status, answer.view)
}

func (v *visit) headers() { headers(v.w) }

// headers keeps a page out of frames and caches, its address from others, and
// scripts out of it (CO-8).
func headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Vary", "Accept-Language")
}

func write(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := pages.Execute(&b, v); err != nil {
		panic(err) // the door answers
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang())
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails if the browser has gone away
}

// seconds is how long a code is good.
func seconds(t cloud.Token) string { return strconv.FormatInt(int64(t.Life.Seconds()), 10) }
