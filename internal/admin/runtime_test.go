package admin_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// runtimeOf returns the way to the server of an environment's runtime.
func (s *started) runtimeOf(t *testing.T, env string, code bool) *admin.Client {
	t.Helper()
	credential, err := s.Credential(t.Context(), env, 0, code)
	if must(t, err); credential.Code != code {
		t.Errorf("with code %t: %+v", code, credential)
	}
	return &admin.Client{URL: s.URL, Token: credential.Credential, HTTP: s.HTTP}
}

// TestRuntimeCredentials: a credential opens code only if it was made for that, and
// only of its environment. Both kinds open tokens, and are revoked together.
//
// Proves: RT-1
func TestRuntimeCredentials(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	plain, code, batch := s.runtimeOf(t, env, false), s.runtimeOf(t, env, true), s.runtimeOf(t, "batch-5f3c21", true)
	list, _, err := code.Runtime(t.Context(), env, "", 0)
	must(t, err)
	sum := list.Items[0].Sum
	ask := func(c *admin.Client) (list, zip, token error) {
		_, _, list = c.Runtime(t.Context(), env, "", 0)
		_, token = c.CloudbaseToken(t.Context(), env)
		return list, c.RuntimeCode(t.Context(), env, "login", sum, io.Discard), token
	}
	wantLists, wantZip, wantToken := ask(code)
	must(t, wantLists)
	must(t, wantZip)
	must(t, wantToken)
	lists, zip, token := ask(plain)
	must(t, token)
	for _, err := range []error{lists, zip} {
		if r := refused(t, err, http.StatusForbidden); r.Code != 48001 || !strings.Contains(r.Message, "env-credential ENV --code") {
			t.Errorf("without code: %+v", r)
		}
	}
	must(t, s.RevokeCredentials(t.Context(), "batch-5f3c21")) // another's
	if _, _, err := code.Runtime(t.Context(), env, "", 0); err != nil {
		t.Errorf("another's were revoked: %v", err)
	}
	must(t, s.RevokeCredentials(t.Context(), env))
	for _, c := range []*admin.Client{plain, code, batch} {
		lists, zip, token := ask(c)
		for _, err := range []error{lists, zip, token} {
			refused(t, err, http.StatusUnauthorized)
		}
	}
	details := map[string]int{}
	for _, rec := range s.records(t, nil) {
		details[rec.Action+": "+rec.Detail]++
	}
	if details["env-credential: with code, does not expire"] != 2 || details["env-credential: does not expire"] != 1 {
		t.Errorf("recorded: %v", details)
	}
}

// TestRuntime: the list has the functions that have code, and a tag that is another one
// with whatever is another.
//
// Proves: RT-2
func TestRuntime(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	c := s.runtimeOf(t, env, true)
	list, tag, err := c.Runtime(t.Context(), env, "", 0)
	must(t, err)
	if len(list.Items) != 1 || list.APIURL != s.node.APIURL() {
		t.Fatalf("the runtime has %+v", list)
	}
	f, err := s.Function(t.Context(), env, "login")
	must(t, err)
	if got := list.Items[0]; got.Name != "login" || got.Sum != f.Sum || got.Size != f.Size || got.Handler != "index.main" ||
		got.Timeout != 3 || len(got.Environment) != 0 || !got.ModifiedAt.Equal(f.ModifiedAt) {
		t.Errorf("the runtime has %+v of %+v", got, f)
	}
	for header, status := range map[string]int{
		tag: 304, `"x", W/` + tag: 304, `"x"`: 200, "": 200, strings.Trim(tag, `"`): 200,
	} {
		began := time.Now()
		resp, text := s.request(t, "GET", "/v1/environments/"+env+"/runtime", "",
			http.Header{"Authorization": {"Bearer " + c.Token}, "If-None-Match": {header}})
		if resp.StatusCode != status || resp.Header.Get("ETag") != tag || (status == 304) != (text == "") {
			t.Errorf("with %s: %s %q", header, resp.Status, text)
		}
		if time.Since(began) > 20*time.Second {
			t.Errorf("with %s it waited", header)
		}
	}
	for _, query := range []string{"wait=31s", "wait=-1s", "wait=0s", "wait=1", "since=1"} {
		resp, text := s.request(t, "GET", "/v1/environments/"+env+"/runtime?"+query, "", nil)
		if resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s %s", query, resp.Status, text)
		}
	}
}

// TestRuntimeWaits: who has a list waits until something is another, or for as long as
// it said. Each change is seen, and a revocation ends the waiting.
//
// Proves: RT-2
func TestRuntimeWaits(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	c := s.runtimeOf(t, env, true)
	_, tag, err := c.Runtime(t.Context(), env, "", 0)
	must(t, err)
	list, same, err := c.Runtime(t.Context(), env, tag, 400*time.Millisecond)
	if err != nil || list != nil || same != tag {
		t.Errorf("nothing was changed: %+v, %s, %v", list, same, err)
	}
	more := admin.Deployment{Env: env, Function: "more", Handler: "other.run"}
	changes := []func() error{
		func() error { _, err := s.Deploy(t.Context(), more, bytes.NewReader(aZip(t))); return err },
		func() error { return s.RemoveFunction(t.Context(), env, "login") },
	}
	for i, change := range changes {
		answers := make(chan *admin.Runtime, 20)
		for range cap(answers) {
			go func() {
				list, _, _ := c.Runtime(t.Context(), env, tag, 30*time.Second)
				answers <- list
			}()
		}
		must(t, change())
		for range cap(answers) {
			if list := <-answers; list == nil || len(list.Items) != 2-i || list.Items[len(list.Items)-1].Name != "more" {
				t.Fatalf("after change %d: %+v", i, list)
			}
		}
		_, tag, err = c.Runtime(t.Context(), env, "", 0)
		must(t, err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := c.Runtime(t.Context(), env, tag, 30*time.Second)
		ended <- err
	}()
	must(t, s.RevokeCredentials(t.Context(), env))
	refused(t, <-ended, http.StatusUnauthorized)
}

// TestRuntimeWaitsEnd: a server that ends does not wait for those who wait for a change.
func TestRuntimeWaitsEnd(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	_, tag, err := s.Runtime(t.Context(), env, "", 0)
	must(t, err)
	ended := make(chan error)
	go func() {
		_, _, err := s.Runtime(t.Context(), env, tag, 30*time.Second)
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond) // that it waits by now matters only for what is tried
	began := time.Now()
	must(t, s.node.Shutdown(context.Background()))
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the server ended after %v", took)
	}
}

// TestRuntimeCode: the code is given to who has its sum, and only while it is the
// function's. Each is recorded.
//
// Proves: RT-3
func TestRuntimeCode(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	c := s.runtimeOf(t, env, true)
	list, _, err := c.Runtime(t.Context(), env, "", 0)
	must(t, err)
	sum := list.Items[0].Sum
	var zip bytes.Buffer
	must(t, c.RuntimeCode(t.Context(), env, "login", sum, &zip))
	if !bytes.Equal(zip.Bytes(), aZip(t)) {
		t.Errorf("the code is %q", zip.Bytes())
	}
	refused(t, c.RuntimeCode(t.Context(), env, "login", strings.Repeat("0", 64), io.Discard), http.StatusConflict)
	refused(t, c.RuntimeCode(t.Context(), env, "login", "", io.Discard), http.StatusUnprocessableEntity)
	refused(t, c.RuntimeCode(t.Context(), env, "empty", sum, io.Discard), http.StatusNotFound)
	refused(t, c.RuntimeCode(t.Context(), env, "none", sum, io.Discard), http.StatusNotFound)
	var read []int
	for _, rec := range s.records(t, nil) {
		if rec.Action == "code" {
			read = append(read, int(rec.Code))
			if rec.AppID != mini || rec.Target != "env "+env+" function login" {
				t.Errorf("recorded: %+v", rec)
			}
		}
	}
	if len(read) != 2 || read[0] != 0 || read[1] == 0 {
		t.Errorf("recorded: %v", read)
	}
}
