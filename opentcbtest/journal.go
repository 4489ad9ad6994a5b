package opentcbtest

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/journal"
)

// Call is a call that came to the server, or a push that it sent, with the answer.
// Secrets are masked: Mask makes the same of one that is known.
type Call struct {
	At        time.Time // by the server's clock
	Interface string    // a wire name, or link, upload, cloudcall, decide, push, consent, none
	Action    string    // what was asked of usecloudaccesstoken: get or set

	Platform, AppID, Env, Function string

	Method, Path, Query string
	Headers             map[string]string
	Body                string // at most 64 KiB of it
	Status              int    // of HTTP; 0: there was no answer
	ErrCode             int    // 0 also where there is none
	AnswerHeaders       map[string]string
	Answer              string
	RID                 string
	Fault               string // that acted, such as lose_answer; "": none
	Reason              string // why it was refused
}

// Filter chooses calls. What is zero fits every call.
type Filter struct {
	Interface, Platform, AppID, Env, Function, Path string

	ErrCode *int   // nil: any
	RID     string // of one call
	Text    string // stands in query, body, answer or reason
}

// Mask returns what stands for a secret in a Call: its kind (token, secret, ticket,
// code, refresh, key or link) and the beginning of its checksum.
func Mask(kind, secret string) string { return journal.Mask(kind, secret) }

// patience is how long WaitFor waits.
const patience = 10 * time.Second

// Journal returns the latest calls, oldest first; of filters the first is taken.
func (s *Server) Journal(filters ...Filter) []Call {
	s.t.Helper()
	query := url.Values{}
	if len(filters) > 0 {
		query = filters[0].query()
	}
	query.Set("limit", "1000")
	var calls []Call
	for {
		page, err := s.admin.Journal(context.Background(), query)
		if err != nil {
			s.t.Fatalf("opentcbtest: %v", err)
		}
		calls = append(calls, callsOf(page)...)
		if page.Next == "" {
			return calls
		}
		query.Set("after", page.Next)
	}
}

// WaitFor waits until n calls fit, those that are there already counted, and returns
// them. If they do not come within ten seconds, the test fails with what came in
// place of them, nearest first.
func (s *Server) WaitFor(t testing.TB, f Filter, n int) []Call {
	t.Helper()
	calls, missing := s.await(f, n, patience)
	if missing != "" {
		t.Fatalf("opentcbtest: %s", missing)
	}
	return calls
}

// await is WaitFor, and says what is missing.
func (s *Server) await(f Filter, n int, patience time.Duration) (calls []Call, missing string) {
	query := f.query()
	query.Set("count", strconv.Itoa(n))
	query.Set("wait", patience.String())
	page, err := s.admin.Journal(context.Background(), query)
	switch {
	case err != nil:
		missing = err.Error()
	case page.Complete == nil || !*page.Complete:
		missing = strconv.Itoa(len(page.Items)) + " of " + strconv.Itoa(n) + " calls came within " + patience.String() +
			"; instead:\n  " + strings.Join(page.Instead, "\n  ")
	}
	return callsOf(page), missing
}

// ClearJournal forgets the calls that have come.
func (s *Server) ClearJournal() {
	s.t.Helper()
	if err := s.admin.ClearJournal(context.Background()); err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
}

func (f Filter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"interface": f.Interface, "platform": f.Platform, "appid": f.AppID, "env": f.Env, "function": f.Function,
		"path": f.Path, "rid": f.RID, "text": f.Text,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.ErrCode != nil {
		q.Set("errcode", strconv.Itoa(*f.ErrCode))
	}
	return q
}

func callsOf(page admin.JournalPage) []Call {
	var calls []Call
	for _, e := range page.Items {
		c := Call{
			At: time.UnixMilli(int64(e.At)), Interface: e.Interface, Action: e.Action,
			Platform: e.Platform, AppID: e.AppID, Env: e.Env, Function: e.Function,
			Method: e.Method, Path: e.Path, Query: e.Query, Headers: e.Headers, Body: e.Body,
			Status: e.Status, AnswerHeaders: e.AnswerHeaders, Answer: e.Answer, RID: e.RID, Reason: e.Reason,
		}
		if e.ErrCode != nil {
			c.ErrCode = *e.ErrCode
		}
		if e.Fault != nil {
			c.Fault = e.Fault.Did
		}
		calls = append(calls, c)
	}
	return calls
}
