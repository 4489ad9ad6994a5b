package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

// frozenAt is when the clocks of these tests stand.
var frozenAt = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)

// startTesting starts a server in test mode.
func startTesting(t *testing.T, change ...func(*node.Config)) *bench {
	return startBenchOn(t, nil, append(change, func(c *node.Config) { c.TestMode = true })...)
}

// must fails the test if there is an error.
func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// get returns the answer of a GET, and its body.
func (b *bench) get(address string) (*http.Response, string) {
	b.t.Helper()
	resp, err := http.Get(address)
	b.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	b.must(err)
	return resp, string(text)
}

// TestAnswersCarryTheClock: Date and rid of answers, on both listeners.
//
// Proves: CK-4
func TestAnswersCarryTheClock(t *testing.T) {
	b := startTesting(t, func(c *node.Config) { c.Clock = "frozen@2026-01-31T15:04:05Z" })
	wants := func(at time.Time) {
		t.Helper()
		for _, address := range []string{b.node.APIURL() + "/tcb/nothing", b.node.AdminURL() + "/healthz"} {
			resp, _ := b.get(address)
			if got, want := resp.Header.Values("Date"), at.Format(http.TimeFormat); len(got) != 1 || got[0] != want {
				t.Errorf("%s: Date is %q, want %q", address, got, want)
			}
		}
		_, text := b.get(b.node.APIURL() + "/tcb/nothing")
		if want := fmt.Sprintf("rid: %08x-", at.Unix()); !strings.Contains(text, want) {
			t.Errorf("%s, want %s", text, want)
		}
	}
	wants(frozenAt)
	_, err := b.admin().AdvanceClock(t.Context(), "90m")
	b.must(err)
	wants(frozenAt.Add(90 * time.Minute))
}

// TestClockSurvivesRestart: it is as it was, unless the settings say how it is.
//
// Proves: CK-4
func TestClockSurvivesRestart(t *testing.T) {
	b := startTesting(t)
	shows := func(want string) {
		t.Helper()
		if got := b.node.Clock().Setting().String(); got != want {
			t.Errorf("the clock is %s, want %s", got, want)
		}
	}
	shows("real")
	for _, s := range []string{"offset+3h0m0s", "frozen@2026-01-31T15:04:05Z"} {
		c := admin.Clock{Mode: "offset", By: "3h"}
		if s[0] == 'f' {
			c = admin.Clock{Mode: "frozen", At: &frozenAt}
		}
		_, err := b.admin().SetClock(t.Context(), c)
		b.must(err)
		_, err = b.restart()
		b.must(err)
		shows(s)
	}
	b.cfg.Clock = "offset-1h"
	_, err := b.restart()
	b.must(err)
	shows("offset-1h0m0s")
}

// TestWorldByTheClock: what a server applies at its start happens at the time that
// its clock is to show.
//
// Proves: CK-1
func TestWorldByTheClock(t *testing.T) {
	world := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(world, []byte(oneWorld), 0o600); err != nil {
		t.Fatal(err)
	}
	b := startTesting(t, func(c *node.Config) { c.Clock, c.World = "frozen@2026-01-31T15:04:05Z", world })
	n := 0
	b.must(b.admin().Audit(t.Context(), url.Values{}, func(rec cloud.Record) error {
		n++
		if rec.At != frozenAt.UnixMilli() {
			t.Errorf("%s %s at %v", rec.Action, rec.AppID, time.UnixMilli(rec.At).UTC())
		}
		return nil
	}))
	if n == 0 {
		t.Error("nothing is recorded")
	}
}

// TestClockOfAll moves the clock over the life of what a call is given: each is
// good until a moment before its end, and not from then on.
//
// Proves: CK-2
func TestClockOfAll(t *testing.T) {
	b := startTesting(t, func(c *node.Config) { c.Clock = "frozen@2026-01-31T15:04:05Z" })
	platform, developer := b.clients()
	_, err := developer.UploadFunction(t.Context(), tcb.CodeUpload{Env: "env-one", Function: "hello", Handler: "index.main"},
		bytes.NewReader(zipOf("index.js")))
	b.must(err)
	link, err := developer.GetFunctionLink(t.Context(), "env-one", "hello")
	b.must(err)
	code, err := b.admin().Authorize(t.Context(), onePlatform, oneAccount, []int{18, 49})
	b.must(err)
	preAuth, err := platform.CreatePreAuthCode(t.Context(), onePlatform)
	b.must(err)
	runtime, err := b.admin().CloudbaseToken(t.Context(), "env-all")
	b.must(err)
	if preAuth.ExpiresIn != 1800 || runtime.ExpiresIn <= 0 {
		t.Fatalf("%+v %+v", preAuth, runtime)
	}
	good := map[string]func() bool{
		"link": func() bool { resp, _ := b.get(link.URL); return resp.StatusCode == http.StatusOK },
		"runtime's token": func() bool {
			_, text := b.get(b.node.APIURL() + "/wxa/x?cloudbase_access_token=" + url.QueryEscape(runtime.Token))
			return !strings.Contains(text, "42001")
		},
		"access token": func() bool {
			_, err := developer.GetCodeSecret(t.Context())
			e, _ := errors.AsType[*tcb.Error](err)
			return e == nil || e.Code != tcb.TokenExpired
		},
		"authorization code": func() bool { // which is used up by being good, so the token's end is looked at first
			_, err := platform.QueryAuth(t.Context(), onePlatform, code.AuthorizationCode)
			return err == nil
		},
	}
	for _, end := range []struct {
		of    string
		after time.Duration
	}{
		{"link", 10 * time.Minute},
		{"runtime's token", time.Duration(runtime.ExpiresIn) * time.Second},
		{"access token", 2 * time.Hour},
	} {
		for after, want := range map[time.Duration]bool{end.after - time.Second: true, end.after: false} {
			at := frozenAt.Add(after)
			_, err := b.admin().SetClock(t.Context(), admin.Clock{Mode: "frozen", At: &at})
			b.must(err)
			if good[end.of]() != want {
				t.Errorf("the %s after %v is good: %v", end.of, after, !want)
			}
		}
	}
	at := frozenAt.Add(time.Hour)
	_, err = b.admin().SetClock(t.Context(), admin.Clock{Mode: "frozen", At: &at})
	b.must(err)
	if good["authorization code"]() {
		t.Error("the authorization code after an hour is good")
	}
	at = frozenAt.Add(time.Hour - time.Second)
	_, err = b.admin().SetClock(t.Context(), admin.Clock{Mode: "frozen", At: &at})
	b.must(err)
	if !good["authorization code"]() {
		t.Error("the authorization code within the hour is not good")
	}
}

// TestJumpWakes: what the clock makes due is done at once, not when the machine's
// clock comes by: records beyond their time are forgotten after a jump.
//
// Proves: CK-2, CK-3
func TestJumpWakes(t *testing.T) {
	b := startTesting(t)
	b.clients()
	token, err := b.admin().CloudbaseToken(t.Context(), "env-one")
	b.must(err)
	_, text := b.get(b.node.APIURL() + "/wxa/x?cloudbase_access_token=" + url.QueryEscape(token.Token))
	var refused struct {
		Message string `json:"errmsg"`
	}
	b.must(json.Unmarshal([]byte(text), &refused))
	_, rid, ok := strings.Cut(refused.Message, "rid: ")
	if !ok {
		t.Fatalf("not refused: %s", text)
	}
	known := func() bool {
		_, err := b.admin().Explain(t.Context(), rid)
		if r, ok := errors.AsType[*admin.Refusal](err); ok && r.Status == http.StatusNotFound {
			return false
		}
		b.must(err)
		return true
	}
	until := func(want bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // half of the pause between two looks
		defer cancel()
		for known() != want {
			select {
			case <-ctx.Done():
				t.Fatalf("the record is there: %v", !want)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	until(true)
	_, err = b.admin().AdvanceClock(t.Context(), "193h")
	b.must(err)
	until(false)
}

// TestClockSetBack: it shows the same moment again and again, from before and
// after. What is issued then is good, and is never a token that was issued before.
//
// Proves: CK-3
func TestClockSetBack(t *testing.T) {
	b := startTesting(t, func(c *node.Config) { c.Clock = "frozen@2026-01-31T15:04:05Z" })
	seen := map[string]bool{}
	for _, by := range []string{"0s", "8760h", "-8760h", "-1ms", "1ms", "-8760h", "8760h"} {
		_, err := b.admin().AdvanceClock(t.Context(), by)
		b.must(err)
		for range 3 {
			platform, developer := b.clients()
			for _, c := range []*tcb.Client{platform, developer} {
				token, err := c.Tokens.Token(t.Context())
				b.must(err)
				if seen[token] {
					t.Errorf("after %s a token was issued again", by)
				}
				seen[token] = true
			}
			_, err := platform.CreatePreAuthCode(t.Context(), onePlatform)
			b.answers("after "+by, err, tcb.OK)
			_, err = developer.GetCodeSecret(t.Context())
			b.answers("after "+by, err, tcb.OK)
		}
	}
}
