package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// theRuntime is a runtime whose functions end when the test says so.
type theRuntime struct {
	*httptest.Server
	running chan struct{} // gets one for each function that begins
	goOn    chan struct{} // ends one
	ended   chan struct{}
}

func startRuntime(t *testing.T) *theRuntime {
	r := &theRuntime{
		running: make(chan struct{}, 64), goOn: make(chan struct{}), ended: make(chan struct{}, 64),
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.running <- struct{}{}
		<-r.goOn
		r.ended <- struct{}{}
		_, _ = io.WriteString(w, `"done"`)
	}))
	t.Cleanup(r.Close)
	return r
}

// withFunction gives the bench a function with code, and a client.
func (b *bench) withFunction() *tcb.Client {
	b.t.Helper()
	_, c := b.clients()
	if err := (operator{b}).Deploy("env-one", "hello", zipOf("index.js")); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// ownRuntime gives an environment a runtime of its own; "" takes it away.
func (b *bench) ownRuntime(env, address string) error {
	_, err := b.admin().ChangeEnvironment(b.t.Context(), env, cloud.EnvironmentChange{Runtime: cloud.Given(address)})
	return err
}

// TestRuntimeOfEnvironment: an environment's own runtime goes before the server's, from
// the next call on, and is seen wherever the environment is.
//
// Proves: IV-5
func TestRuntimeOfEnvironment(t *testing.T) {
	t.Parallel()
	onEachStorage(t, func(t *testing.T, b *bench) {
		c := b.withFunction()
		own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%q", r.URL.Path)
		}))
		defer own.Close()
		for _, step := range []struct{ address, want string }{
			{"", `{"errcode":0,"errmsg":"upstream"}`}, {own.URL + "/below/", `"/below/invoke/env-one/hello"`},
			{own.URL, `"/invoke/env-one/hello"`}, {"", `{"errcode":0,"errmsg":"upstream"}`},
		} {
			if err := b.ownRuntime("env-one", step.address); err != nil {
				t.Fatal(err)
			}
			got, err := c.InvokeCloudFunction(t.Context(), "env-one", "hello", nil)
			if err != nil || string(got) != step.want {
				t.Errorf("%s: %s, %v; want %s", step.address, got, err, step.want)
			}
			e, err := b.admin().Environment(t.Context(), "env-one")
			if err != nil || e.Runtime != step.address {
				t.Errorf("shown as %q, %v", e.Runtime, err)
			}
			var file strings.Builder
			if err := b.admin().World(t.Context(), &file); err != nil {
				t.Fatal(err)
			}
			if said := strings.Contains(file.String(), `runtime: "`+step.address+`"`); said != (step.address != "") {
				t.Errorf("exported as %s", file.String())
			}
		}
		for _, address := range []string{"ftp://a", "http://", "http://u:p@a", "http://a?b", "a", "http://a#b", "http://a\n"} {
			r, ok := errors.AsType[*admin.Refusal](b.ownRuntime("env-one", address))
			if !ok || r.Status != http.StatusUnprocessableEntity || r.Member != "runtime" {
				t.Errorf("%q: %+v", address, r)
			}
		}
		open := cloud.EnvironmentChange{Runtime: cloud.Given(own.URL), Open: cloud.Given(true)}
		if e, err := b.admin().ChangeEnvironment(t.Context(), "env-one", open); err != nil || e.Runtime != own.URL || e.Version != 4 {
			t.Errorf("with a set: %+v, %v", e, err)
		}
		if _, err := b.admin().RemoveEnvironment(t.Context(), "env-one", cloud.RemovalOptions{Cascade: true}); err != nil {
			t.Error(err)
		}
		if err := (operator{b}).Apply(oneWorld); err != nil {
			t.Error(err)
		}
		if e, err := b.admin().Environment(t.Context(), "env-one"); err != nil || e.Runtime != "" {
			t.Errorf("made anew: %+v, %v", e, err)
		}
	})
}

// TestCallerGoesAway: that ends the wait, not the function; and is recorded.
//
// Proves: IV-9, IV-10
func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	b, r := startBench(t), startRuntime(t)
	c := b.withFunction()
	if err := b.ownRuntime("env-one", r.URL); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := c.InvokeCloudFunction(ctx, "env-one", "hello", nil)
		gone <- err
	}()
	<-r.running
	leave()
	<-gone
	waiting := func() bool {
		text, err := b.metrics()
		return err != nil || !strings.Contains(string(text), "\nopentcb_invocations 0\n")
	}
	for end := time.Now().Add(20 * time.Second); waiting(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server still waits for the function of a caller that went away")
		}
	}
	r.goOn <- struct{}{}
	<-r.ended
	found := false
	for end := time.Now().Add(20 * time.Second); !found && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		err := b.admin().Audit(t.Context(), url.Values{}, func(rec cloud.Record) error {
			found = found || rec.Action == "invokecloudfunction" && strings.Contains(rec.Detail, "the caller went away")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !found {
		t.Error("not recorded")
	}
}

// TestShutdownWaitsForFunctions: a call under way is answered before the end.
//
// Proves: IV-10
func TestShutdownWaitsForFunctions(t *testing.T) {
	t.Parallel()
	b, r := startBench(t), startRuntime(t)
	c := b.withFunction()
	if err := b.ownRuntime("env-one", r.URL); err != nil {
		t.Fatal(err)
	}
	answered, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.InvokeCloudFunction(t.Context(), "env-one", "hello", nil)
		answered <- err
	}()
	<-r.running
	go func() { ended <- b.node.Shutdown(context.Background()) }()
	select {
	case err := <-ended:
		t.Fatalf("the server ended in the midst of a call: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	r.goOn <- struct{}{}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLimitsOfInvocations: the operator's limits are kept, and told.
//
// Proves: IV-7
func TestLimitsOfInvocations(t *testing.T) {
	t.Parallel()
	b, r := startBench(t), startRuntime(t)
	c := b.withFunction()
	b.cfg.Limits.Invocations, b.cfg.Limits.InvokeTimeout = 2, 10*time.Second
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	c.BaseURL = b.node.APIURL()
	if err := b.ownRuntime("env-one", r.URL); err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := c.InvokeCloudFunction(t.Context(), "env-one", "hello", json.RawMessage(`{}`))
			ends <- err
		}()
		<-r.running
	}
	_, err := c.InvokeCloudFunction(t.Context(), "env-one", "hello", nil)
	if e, ok := errors.AsType[*tcb.Error](err); !ok || e.Code != tcb.TooManyAtOnce || !strings.HasPrefix(
		e.Message, "exceed concurrent request limit: 2 functions of the environment run already") {
		t.Errorf("a third at once: %v", err)
	}
	text, err := b.metrics()
	for _, want := range []string{"opentcb_invocations 2", "opentcb_invocations_limit 2"} {
		if err != nil || !slices.Contains(strings.Split(string(text), "\n"), want) {
			t.Errorf("the metrics lack %s, %v", want, err)
		}
	}
	for range 2 {
		if e, ok := errors.AsType[*tcb.Error](<-ends); !ok || e.Code != tcb.ResourceTimeout {
			t.Errorf("beyond the time of a call: %v", e)
		}
	}
	for range 2 {
		r.goOn <- struct{}{} // both have gone on
	}
}
