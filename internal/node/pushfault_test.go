package node_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/tcb"
)

// looked is what a receiver finds wrong with a push: "" if nothing is.
func looked(query url.Values, body []byte) string {
	k, err := push.NewKey(pushToken, pushAESKey)
	if err != nil {
		return err.Error()
	}
	e, signature, err := push.Read(query, body)
	if err != nil {
		return err.Error()
	}
	if !e.Signed(k, signature) {
		return "signature"
	}
	if _, _, err := k.Open(e.Encrypt); err != nil {
		return "body"
	}
	return ""
}

// TestPushFaults: a push is dropped and tried again, sent twice, late, falsely signed
// or spoiled, and the journal has each try.
//
// Proves: FA-3, JN-1
func TestPushFaults(t *testing.T) {
	b := startBenchOn(t, nil, func(c *node.Config) { c.TestMode, c.Clock = true, "frozen@2026-01-31T15:04:05Z" })
	b.ok(operator{b}.Apply(pushWorld))
	got := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- looked(r.URL.Query(), body)
		io.WriteString(w, "success")
	}))
	defer receiver.Close()
	b.pushTo(pushPlatform, receiver.URL+"/events?own=1")
	if wrong := <-got; wrong != "" {
		t.Fatalf("the first push: %s", wrong)
	}
	entries := 1
	for _, c := range []struct {
		do, did string
		comes   []string // what is wrong with each push that comes
		again   bool     // it is tried again
	}{
		{`{"twice":true}`, "twice", []string{"", ""}, false},
		{`{"bad_signature":true}`, "bad_signature", []string{"signature"}, false},
		{`{"bad_body":true}`, "bad_body", []string{"body"}, false},
		{`{"delay":"20ms"}`, "delay 20ms", []string{""}, false},
		{`{"drop":true}`, "drop", nil, true},
	} {
		var rule inject.Rule
		b.ok(json.Unmarshal([]byte(`{"match":{"interface":"push","platform":"`+pushPlatform+`"},"when":{"times":1},"do":`+c.do+`}`), &rule))
		_, err := b.admin().AddFault(t.Context(), rule)
		b.ok(err)
		_, err = b.admin().PushTicket(t.Context(), pushPlatform)
		b.ok(err)
		for _, want := range c.comes {
			select {
			case wrong := <-got:
				if wrong != want {
					t.Errorf("%s: the push has a wrong %q, want %q", c.do, wrong, want)
				}
			case <-time.After(patience):
				t.Fatalf("%s: no push came", c.do)
			}
		}
		entries++
		page, err := b.admin().Journal(t.Context(), url.Values{
			"interface": {"push"}, "count": {strconv.Itoa(entries)}, "wait": {"2m"},
		})
		b.ok(err)
		e := page.Items[entries-1]
		if e.Fault == nil || e.Fault.Did != c.did || e.Action != tcb.EventTicket || e.Path != receiver.URL+"/events?own=1" ||
			e.Platform != pushPlatform || !strings.Contains(e.Body, "<Encrypt>") || c.again == (e.Status == http.StatusOK) {
			t.Errorf("%s: the journal has %+v, %+v", c.do, e, e.Fault)
		}
		if !c.again && e.Answer != "success" || c.again && e.Reason != "a fault's rule dropped it" {
			t.Errorf("%s: the journal has %+v", c.do, e)
		}
	}
	select {
	case <-got:
		t.Error("what was dropped came")
	default:
	}
}
