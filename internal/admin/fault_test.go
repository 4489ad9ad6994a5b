package admin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// TestFaults adds, lists and removes rules.
//
// Proves: FA-1
func TestFaults(t *testing.T) {
	s := startTests(t)
	s.applyWorld(t)
	const whole = `{"match":{"interface":"getcodesecret","appid":"` + mini + `"},` +
		`"when":{"skip":1,"times":2,"probability":0.5,"seed":7,"until":"2099-01-31T15:04:05Z"},"do":{"errcode":-1}}`
	var rule inject.Rule
	must(t, json.Unmarshal([]byte(whole), &rule))
	added, err := s.AddFault(t.Context(), rule)
	must(t, err)
	text, err := json.Marshal(added.Rule)
	must(t, err)
	if string(text) != whole || added.ID != "1" || added.Hits != 0 || added.Never != "" {
		t.Errorf("added: %+v, %s", added, text)
	}
	for _, c := range []struct{ body, never string }{
		{`{"match":{"platform":"wx00000000000000c9"},"do":{"reset":true}}`, `there is no platform "wx00000000000000c9"`},
		{`{"match":{"appid":"wx00000000000000a9"},"do":{"reset":true}}`, `there is no Mini Program "wx00000000000000a9"`},
		{`{"match":{"appid":"` + platform + `","interface":"cloudcall"},"do":{"reset":true}}`, ""},
		{`{"match":{"interface":"getcodesecret","env":"e"},"do":{"reset":true}}`, "a call of getcodesecret has no env"},
		{`{"match":{"interface":"listfunctions","env":"e"},"do":{"reset":true}}`, ""},
		{`{"do":{"drop":true}}`, ""},
	} {
		resp, text := s.request(t, "POST", "/v1/faults", c.body, nil)
		says := strings.Contains(text, `"never"`)
		quoted, err := json.Marshal(c.never)
		must(t, err)
		isRight := says == (c.never != "") && (!says || strings.Contains(text, `"never":`+string(quoted)))
		if resp.StatusCode != http.StatusCreated || !isRight {
			t.Errorf("%s: %d %s", c.body, resp.StatusCode, text)
		}
	}
	all, err := s.Faults(t.Context())
	if err != nil || len(all) != 7 || all[0].ID != "1" || all[6].ID != "7" || all[1].Never == "" {
		t.Errorf("listed: %+v, %v", all, err)
	}
	_, page := s.request(t, "GET", "/v1/faults?limit=3", "", nil)
	if !strings.Contains(page, `"next":`) || strings.Contains(page, `"id":"4"`) {
		t.Errorf("a page: %s", page)
	}
	if c, err := s.ClearFaults(t.Context(), "2"); err != nil || c.Removed != 1 {
		t.Errorf("removed: %+v, %v", c, err)
	}
	if resp, text := s.request(t, "DELETE", "/v1/faults/2", "", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("removed again: %d %s", resp.StatusCode, text)
	}
	if c, err := s.ClearFaults(t.Context(), ""); err != nil || c.Removed != 6 {
		t.Errorf("cleared: %+v, %v", c, err)
	}
	n := 0
	for _, rec := range s.records(t, nil) {
		if rec.Action == "fault" && rec.Operator {
			n++
		}
	}
	if n != 9 {
		t.Errorf("%d records of what the operator did", n)
	}
}

// TestBadFaults: what is wrong with a rule is said with the member's name, as it
// stands in the request.
//
// Proves: FA-1
func TestBadFaults(t *testing.T) {
	s := startTests(t)
	for body, member := range map[string]string{
		`{"do":{"reset":true},"wen":{}}`:                               "wen",
		`{"do":{"reset":true},"when":{"skp":1}}`:                       "when.skp",
		`{"do":{"reset":true},"when":{"skip":1.5}}`:                    "when.skip",
		`{"do":{"reset":true},"when":{"until":"tomorrow"}}`:            "when.until",
		`{"do":{"reset":true},"when":{"seed":-1}}`:                     "when.seed",
		`{"do":{"reset":true},"when":{"probability":2}}`:               "when.probability",
		`{"do":{"reset":true},"when":[]}`:                              "when",
		`{"do":{"errcode":-1,"reset":true}}`:                           "do.reset",
		`{"do":{"status":{"code":1000}}}`:                              "do.status.code",
		`{"do":{"status":{"cod":502}}}`:                                "do.status",
		`{"do":{"status":502}}`:                                        "do.status",
		`{"do":{"delay":600}}`:                                         "do.delay",
		`{"do":{"cut":{"bytes":600}}}`:                                 "do.cut",
		`{"do":{"reset":"yes"}}`:                                       "do.reset",
		`{"match":{"interface":"getcodesecrets"},"do":{"reset":true}}`: "match.interface",
		`{"match":{"app_id":"x"},"do":{"reset":true}}`:                 "match.app_id",
		`{"match":{}}`: "do",
		`{}`:           "do",
	} {
		resp, text := s.request(t, "POST", "/v1/faults", body, nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"`+member+`"`) {
			t.Errorf("%s: %d %s, want %s", body, resp.StatusCode, text, member)
		}
	}
	if resp, text := s.request(t, "POST", "/v1/faults", `[]`, nil); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a list: %d %s", resp.StatusCode, text)
	}
	if all, err := s.Faults(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d rules, %v", len(all), err)
	}
}

// interfaceCall calls the API without a token.
func (s *started) interfaceCall(t *testing.T, path, body string) {
	t.Helper()
	resp, err := http.Post(s.node.APIURL()+path, "application/json", strings.NewReader(body))
	must(t, err)
	must(t, resp.Body.Close())
}

// TestJournal reads, filters, waits for and empties the journal.
//
// Proves: JN-1, JN-3
func TestJournal(t *testing.T) {
	s := startTests(t)
	s.applyWorld(t)
	ticketCall := func(appsecret string) {
		s.interfaceCall(t, "/cgi-bin/component/api_component_token?x=1",
			`{"component_appid":"`+platform+`","component_appsecret":"`+appsecret+`","component_verify_ticket":"ticket@@@one"}`)
	}
	ticketCall("platform-one-secret")
	ticketCall("platform-one-secret")
	ticketCall("another")
	s.interfaceCall(t, "/tcb/getcodesecret", "{}")
	page, err := s.Journal(t.Context(), nil)
	must(t, err)
	if len(page.Items) != 4 || page.Next != "" || page.Complete != nil {
		t.Fatalf("%+v", page)
	}
	first, second, third, last := page.Items[0], page.Items[1], page.Items[2], page.Items[3]
	secret := journal.Mask("secret", "platform-one-secret")
	if first.Interface != "api_component_token" || first.Platform != platform || *first.ErrCode != 0 ||
		first.Status != 200 || first.RID == "" || first.From != "127.0.0.1" || first.Query != "x=1" ||
		first.Headers["Content-Type"] != "application/json" ||
		!strings.Contains(first.Body, secret) || !strings.Contains(second.Body, secret) ||
		strings.Contains(third.Body, secret) || strings.Contains(first.Body+first.Answer, "platform-one-secret") ||
		!strings.Contains(first.Answer, `"component_access_token":"token:`) ||
		first.AnswerHeaders["Content-Type"] == "" || first.BodyBytes == 0 || first.At == 0 {
		t.Errorf("%+v", first)
	}
	if *third.ErrCode != 40125 || third.Reason != "invalid appsecret" || *last.ErrCode != 41001 || last.Body != "{}" {
		t.Errorf("%+v, %+v", third, last)
	}
	for query, want := range map[string]int{
		"interface=getcodesecret": 1, "platform=" + platform: 3, "errcode=40125": 1, "rid=" + first.RID: 1, "text=" + url.QueryEscape(secret): 2,
		"interface=push": 0, "interface=none": 0,
		"since=2099-01-01T00:00:00Z": 0, "path=/cgi-bin/*": 3, "after=2": 2, "limit=1&errcode=0": 1, "appid=" + mini: 0,
		"env=e": 0, "function=f": 0, "count=3": 4, "wait=0s": 4,
	} {
		_, text := s.request(t, "GET", "/v1/journal?"+query, "", nil)
		if got := strings.Count(text, `"seq":`); got != want {
			t.Errorf("%s: %d entries: %s", query, got, text)
		}
	}
	got := make(chan []string)
	go func() {
		page, err := s.Journal(t.Context(), url.Values{"interface": {"getcodesecret"}, "count": {"2"}, "wait": {"1m"}})
		if err != nil || page.Complete == nil || !*page.Complete || len(page.Items) != 2 {
			t.Errorf("waited: %+v, %v", page, err)
		}
		page, err = s.Journal(t.Context(), url.Values{"interface": {"getcodesecret"}, "errcode": {"0"}, "wait": {"20ms"}})
		if err != nil || page.Complete == nil || *page.Complete || len(page.Items) != 0 {
			t.Errorf("waited in vain: %+v, %v", page, err)
		}
		got <- page.Instead
	}()
	s.interfaceCall(t, "/tcb/getcodesecret", "{}")
	if instead := <-got; len(instead) != 3 || instead[0] != "2 calls of getcodesecret: errcode 41001 instead of 0" {
		t.Errorf("instead: %q", instead)
	}
	resp, text := s.request(t, "GET", "/v1/journal", "", http.Header{"Accept": {"application/har+json"}})
	if resp.Header.Get("Content-Type") != "application/har+json" || strings.Count(text, `"startedDateTime"`) != 5 ||
		strings.Contains(text, "platform-one") {
		t.Errorf("HAR: %v %s", resp.Header, text)
	}
	must(t, s.ClearJournal(t.Context()))
	if page, err := s.Journal(t.Context(), nil); err != nil || len(page.Items) != 0 {
		t.Errorf("emptied: %+v, %v", page, err)
	}
	for _, query := range []string{"wait=11m", "wait=soon", "count=0", "errcode=x", "limit=1001", "since=x", "after=x", "nothing=1",
		"interface=x", "interface=getcodesecrets"} {
		member, _, _ := strings.Cut(query, "=")
		resp, text := s.request(t, "GET", "/v1/journal?"+query, "", nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"`+member+`"`) {
			t.Errorf("%s: %d %s", query, resp.StatusCode, text)
		}
	}
}

// TestJournalExplains: a refused cloud call has the reason that explain gives.
//
// Proves: JN-1
func TestJournalExplains(t *testing.T) {
	s := startTests(t)
	s.applyWorld(t)
	token, err := s.CloudbaseToken(t.Context(), "batch-5f3c21")
	must(t, err)
	s.interfaceCall(t, "/wx/getuser?cloudbase_access_token="+token.Token, "{}")
	page, err := s.Journal(t.Context(), url.Values{"interface": {"cloudcall"}})
	must(t, err)
	if len(page.Items) != 1 || page.Items[0].Reason != "the path is not on the whitelist; the nearest entry is /wxa/*" ||
		page.Items[0].Env != "batch-5f3c21" || page.Items[0].AppID != platform || strings.Contains(page.Items[0].Query, token.Token) {
		t.Errorf("%+v", page.Items)
	}
}

// TestJournalWaitAndReset: who waits for the journal is answered when all that is
// stored is put back, which does not wait for that.
//
// Proves: JN-3
func TestJournalWaitAndReset(t *testing.T) {
	s := startTests(t)
	answered := make(chan bool)
	go func() {
		page, err := s.Journal(t.Context(), url.Values{"count": {"1"}, "wait": {"5m"}})
		answered <- err == nil && page.Complete != nil && !*page.Complete
	}()
	for isAnswered := false; !isAnswered; {
		must(t, s.Reset(t.Context()))
		select {
		case ok := <-answered:
			if isAnswered = true; !ok {
				t.Error("it was not told that nothing came")
			}
		case <-time.After(10 * time.Millisecond): // it had not begun yet
		}
	}
}
