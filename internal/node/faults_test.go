package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/internal/node"
)

func inTestMode(c *node.Config) { c.TestMode = true }

// inject adds a rule that is given as JSON, and returns its id.
func (b *bench) inject(text string) string {
	b.t.Helper()
	var rule inject.Rule
	b.must(json.Unmarshal([]byte(text), &rule))
	added, err := b.admin().AddFault(b.t.Context(), rule)
	b.must(err)
	return added.ID
}

// hits waits until a rule has acted.
func (b *bench) hits(id string) {
	b.t.Helper()
	for range time.Tick(10 * time.Millisecond) {
		all, err := b.admin().Faults(b.t.Context())
		b.must(err)
		for _, f := range all {
			if f.ID == id && f.Hits > 0 {
				return
			}
		}
	}
}

// TestFaultsOverHTTP2: a fault of a call over HTTP/2 ends its stream, and neither the
// connection nor the calls beside it: one that is under way all the time is answered.
//
// Proves: FA-2
func TestFaultsOverHTTP2(t *testing.T) {
	t.Parallel()
	s := startSecureBench(t, inTestMode)
	client := s.client(2)
	conns := 0
	call := func(ctx context.Context, path string) (status int, text string, err error) {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				conns++
			}
		}})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.node.APIURL()+path, strings.NewReader("{}"))
		s.must(err)
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("%s came over %s", path, resp.Proto)
		}
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	_, _, err := call(t.Context(), "/tcb/listfunctions") // opens the connection
	s.must(err)
	late := s.inject(`{"match":{"interface":"getcodesecret"},"do":{"delay":"10m"}}`)
	beside := make(chan error, 1)
	go func() {
		_, text, err := call(t.Context(), "/tcb/getcodesecret")
		if err == nil && !strings.Contains(text, `"errcode":`) {
			err = errors.New(text)
		}
		beside <- err
	}()
	s.hits(late)
	for _, c := range []struct {
		do, holds string // "": the stream is reset
		status    int
	}{
		{`{"errcode":-1}`, `{"errcode":-1,`, 200},
		{`{"status":{"code":502}}`, "Bad Gateway", 502},
		{`{"delay":"20ms"}`, `{"errcode":`, 200},
		{`{"reset":true}`, "", 0},
		{`{"lose_answer":true}`, "", 0},
		{`{"cut":{"after":5}}`, `{"err`, 200},
		{`{"stall":true}`, "", 0},
	} {
		id := s.inject(`{"match":{"interface":"listfunctions"},"when":{"times":1},"do":` + c.do + `}`)
		ctx, giveUp := context.WithCancel(t.Context())
		if strings.Contains(c.do, "stall") {
			go func() { s.hits(id); giveUp() }()
		}
		status, text, err := call(ctx, "/tcb/listfunctions")
		giveUp()
		isBroken := c.holds == "" || strings.Contains(c.do, "cut")
		if (err != nil) != isBroken || status != c.status || !strings.HasPrefix(text, c.holds) ||
			isBroken && text != c.holds {
			t.Errorf("%s: %d %q %v", c.do, status, text, err)
		}
		if _, text, err := call(t.Context(), "/tcb/listfunctions"); err != nil || !strings.Contains(text, `"errcode":`) {
			t.Errorf("after %s: %q %v", c.do, text, err)
		}
	}
	_, err = s.admin().ClearFaults(t.Context(), late)
	s.must(err)
	if err := <-beside; err != nil {
		t.Errorf("the call beside them: %v", err)
	}
	if conns != 1 {
		t.Errorf("%d connections were opened, want 1", conns)
	}
}

// TestConsentMeetsFaults: the consent page goes through the same door as a call: faults
// act on it, and the journal has it, without consent code and authorization code.
//
// Proves: FA-2, JN-1, JN-2
func TestConsentMeetsFaults(t *testing.T) {
	t.Parallel()
	b := newConsentBench(t, inTestMode)
	address := b.link()
	once := func(do string) {
		b.inject(`{"match":{"interface":"consent","platform":"` + consentPlatform + `"},"when":{"times":1},"do":` + do + `}`)
	}
	once(`{"errcode":-1}`)
	if v := b.visit(address, nil); v.StatusCode != http.StatusServiceUnavailable || !v.has("<html") {
		t.Errorf("errcode -1: %d %s", v.StatusCode, v.body)
	}
	once(`{"status":{"code":502,"body":"gateway"}}`)
	if v := b.visit(address, nil); v.StatusCode != http.StatusBadGateway || v.body != "gateway" {
		t.Errorf("status 502: %d %s", v.StatusCode, v.body)
	}
	form := url.Values{"appid": {consentMini}, "code": {b.code}, "set": {"49"}, "decision": {"authorize"}}
	once(`{"lose_answer":true}`)
	if resp, err := http.PostForm(address, form); err == nil {
		t.Errorf("lose_answer: %s", resp.Status)
	}
	kept, err := b.admin().Journal(t.Context(), url.Values{"interface": {"consent"}})
	b.must(err)
	if len(kept.Items) != 3 {
		t.Fatalf("the journal has %d visits of the page", len(kept.Items))
	}
	last := kept.Items[2]
	if last.Fault == nil || last.Fault.Did != "lose_answer" || last.Platform != consentPlatform || last.AppID != consentMini {
		t.Errorf("the journal has %+v", last)
	}
	text, err := json.Marshal(last)
	b.must(err)
	to, err := url.Parse(last.AnswerHeaders["Location"])
	b.must(err)
	if code := to.Query().Get("auth_code"); !strings.HasPrefix(code, "code:") {
		t.Errorf("the page led to %s", to)
	}
	if strings.Contains(string(text), b.code) || !strings.Contains(string(text), journal.Mask("code", b.code)) {
		t.Errorf("the journal has the consent code, or no mask of it: %s", text)
	}
}
