package node_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/tcb"
)

// startRuntimes starts a server with oneWorld, whose clock stands still, and at
// which the runtimes of an environment get three tokens in a minute.
func startRuntimes(t *testing.T) (b *bench, pass func(time.Duration)) {
	b = startBench(t)
	var clock atomic.Int64
	clock.Store(1_790_000_000_000)
	b.cfg.Now = func() time.Time { return time.UnixMilli(clock.Load()) }
	b.cfg.Limits.CloudbaseTokens = 3
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	b.clients()
	return b, func(d time.Duration) { clock.Add(d.Milliseconds()) }
}

// runtime returns the way to the server of an environment's runtime, with a
// credential of that life.
func (b *bench) runtime(env string, life time.Duration) *admin.Client {
	b.t.Helper()
	credential, err := b.admin().Credential(b.t.Context(), env, life, false)
	if err != nil {
		b.t.Fatal(err)
	}
	if credential.ExpiresIn != int64(life.Seconds()) {
		b.t.Errorf("a credential for %v: expires in %d s", life, credential.ExpiresIn)
	}
	return &admin.Client{URL: b.node.AdminURL(), Token: credential.Credential}
}

// mints wants a runtime to get a token, or to be refused with a code.
func (b *bench) mints(what string, c *admin.Client, env string, status int, code tcb.Code) admin.CloudbaseToken {
	b.t.Helper()
	token, err := c.CloudbaseToken(b.t.Context(), env)
	refusal, refused := errors.AsType[*admin.Refusal](err)
	switch {
	case err == nil && status == http.StatusOK:
	case !refused || refusal.Status != status || refusal.Code != int(code):
		b.t.Errorf("%s: %v, want %d with %d", what, err, status, code)
	}
	return token
}

// A credential that was given for a while is good for as long, tells how long yet, and
// is then refused as what it is; one without an end stays good.
func TestCredentialExpires(t *testing.T) {
	b, pass := startRuntimes(t)
	bounded, endless := b.runtime("env-one", 90*24*time.Hour), b.runtime("env-one", 0)
	pass(90*24*time.Hour - time.Minute)
	if token := b.mints("before its end", bounded, "env-one", http.StatusOK, 0); token.CredentialExpiresIn != 60 {
		t.Errorf("a minute before its end: %+v", token)
	}
	pass(time.Minute)
	b.mints("at its end", bounded, "env-one", http.StatusUnauthorized, tcb.TokenExpired)
	if token := b.mints("without an end", endless, "env-one", http.StatusOK, 0); token.CredentialExpiresIn != 0 {
		t.Errorf("without an end: %+v", token)
	}
	audit, err := b.audit()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"detail":"until 2026-12-20T14:13:20Z"`, `"detail":"does not expire"`} {
		if !strings.Contains(string(audit), want) {
			t.Errorf("the audit record lacks %s:\n%s", want, audit)
		}
	}
}

// The runtimes of an environment get so many tokens in a minute, whatever the
// credential. Neither another environment nor the operator notices, and the next
// minute is another one. It is recorded once, and counted.
func TestRuntimesGetSoManyTokens(t *testing.T) {
	b, pass := startRuntimes(t)
	one, again, two := b.runtime("env-one", 0), b.runtime("env-one", 0), b.runtime("env-two", 0)
	for range 3 {
		b.mints("within the limit", one, "env-one", http.StatusOK, 0)
	}
	for range 5 {
		b.mints("over the limit", one, "env-one", http.StatusTooManyRequests, tcb.MinuteQuota)
	}
	b.mints("with another credential", again, "env-one", http.StatusTooManyRequests, tcb.MinuteQuota)
	b.mints("another environment", two, "env-two", http.StatusOK, 0)
	b.mints("the operator", b.admin(), "env-one", http.StatusOK, 0)
	if metrics, err := b.metrics(); err != nil || !strings.Contains(string(metrics), "opentcb_cloudbase_tokens_refused_total 6\n") {
		t.Errorf("the metric of refused tokens: %v", err)
	}
	pass(time.Minute)
	b.mints("in the next minute", one, "env-one", http.StatusOK, 0)
	if _, err := b.restart(); err != nil { // what is only counted is written at the end
		t.Fatal(err)
	}
	audit, err := b.audit()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(audit), `"code":45011`); n != 2 || !strings.Contains(string(audit), "5 more in this minute") {
		t.Errorf("%d records of refused tokens, want the first and a count:\n%s", n, audit)
	}
}
