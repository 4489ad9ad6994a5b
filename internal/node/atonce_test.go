package node_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

const (
	onePlatform = "wx00000000000000c1"
	oneAccount  = "wx00000000000000a1"
)

const oneWorld = `platforms: [{appid: wx00000000000000c1, secret: s, verify_ticket: ticket@@@t}]
miniprograms: [{appid: wx00000000000000a1}, {appid: wx00000000000000a2}, {appid: wx00000000000000a3, cloud: false}]
environments:
  - {id: env-one, appid: wx00000000000000a1}
  - {id: env-two, appid: wx00000000000000a1}
  - {id: env-all, appid: wx00000000000000a2, api_whitelist: ["/*"]}
  - {id: env-none, appid: wx00000000000000a3, api_whitelist: ["/*"]}
authorizations:
  - platform: wx00000000000000c1
    appid: wx00000000000000a1
    permission_sets: [18, 49]
    refresh_token: refreshtoken@@@r
functions: [{env: env-one, name: hello}]
`

// clients makes oneWorld and returns a client of its platform, and one of its
// Mini Program env-one and env-two belong to.
func (b *bench) clients() (platform, developer *tcb.Client) { return b.clientsBy(nil) }

// clientsBy is clients with what they call by; nil: the default.
func (b *bench) clientsBy(by *http.Client) (platform, developer *tcb.Client) {
	b.t.Helper()
	if err := (operator{b}).Apply(oneWorld); err != nil {
		b.t.Fatal(err)
	}
	platform = &tcb.Client{BaseURL: b.node.APIURL(), HTTP: by}
	component, err := platform.ComponentToken(b.t.Context(), onePlatform, "s", "ticket@@@t")
	if err != nil {
		b.t.Fatal(err)
	}
	platform.Tokens = tcb.StaticToken(component.ComponentAccessToken)
	token, err := platform.AuthorizerToken(b.t.Context(), onePlatform, oneAccount, "refreshtoken@@@r")
	if err != nil {
		b.t.Fatal(err)
	}
	developer = &tcb.Client{BaseURL: b.node.APIURL(), HTTP: by, Tokens: tcb.StaticToken(token.AuthorizerAccessToken)}
	return platform, developer
}

// onEachStorage runs a test on the embedded storage, and on Postgres with a
// bucket.
func onEachStorage(t *testing.T, test func(*testing.T, *bench)) {
	t.Run("embedded", func(t *testing.T) { test(t, startBench(t)) })
	t.Run("far", func(t *testing.T) { test(t, startBenchOn(t, newFarStorage(t, testserver.StartS3(t)))) })
}

// atOnce does something sixteen times at once and returns how each went.
func atOnce(do func(i int) error) []error {
	errs := make([]error, 16)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-gate
			errs[i] = do(i)
		})
	}
	close(gate)
	all.Wait()
	return errs
}

// oneOf does something sixteen times at once. Exactly one must be done, whose
// number is returned, and the others refused with the code and the text.
func oneOf(t *testing.T, code tcb.Code, text string, do func(i int) error) int {
	t.Helper()
	done := -1
	for i, err := range atOnce(do) {
		switch refused, ok := errors.AsType[*tcb.Error](err); {
		case err == nil && done >= 0:
			t.Errorf("both %d and %d were accepted", done, i)
		case err == nil:
			done = i
		case !ok || refused.Code != code || !strings.Contains(refused.Message, text):
			t.Errorf("%d: %v, want %d %s", i, err, code, text)
		}
	}
	if done < 0 {
		t.Error("none was accepted")
	}
	return done
}

// TestOneOfSixteen: of sixteen equal calls at once exactly one is done, and
// what is there afterwards is its own.
//
// Proves: CR-4, UP-1, UT-8, UT-9, UT-15
func TestOneOfSixteen(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		platform, developer := b.clients()
		code, err := b.admin().Authorize(t.Context(), onePlatform, oneAccount, []int{18, 49})
		if err != nil {
			t.Fatal(err)
		}
		oneOf(t, 61009, "code is invalid", func(int) error {
			_, err := platform.QueryAuth(t.Context(), onePlatform, code.AuthorizationCode)
			return err
		})
		oneOf(t, 40097, "invalid args: ", func(int) error {
			return developer.CreateFunction(t.Context(), "env-one", "new")
		})
		set := func(env string, open bool) int {
			return oneOf(t, 40097, "invalid args: version 2 is older than 4", func(i int) error {
				list := []string{fmt.Sprintf("/wxa/n%d", i)}
				return developer.SetCloudAccessToken(t.Context(), env, tcb.Permission{Open: open, APIWhitelist: list, Version: 2})
			})
		}
		first, second := fmt.Sprintf("/wxa/n%d", set("env-one", true)), fmt.Sprintf("/wxa/n%d", set("env-two", false))
		// The flip closed the account's other environment too.
		wantPermission(t, developer, "env-one", tcb.Permission{APIWhitelist: []string{first}, Version: 6})
		wantPermission(t, developer, "env-two", tcb.Permission{APIWhitelist: []string{second}, Version: 4})
	})
}

// wantPermission wants sixteen gets at once to be answered alike.
func wantPermission(t *testing.T, c *tcb.Client, env string, want tcb.Permission) {
	t.Helper()
	err := errors.Join(atOnce(func(int) error {
		got, err := c.GetCloudAccessToken(t.Context(), env)
		if err == nil && (got.Open != want.Open || got.Version != want.Version ||
			!slices.Equal(got.APIWhitelist, want.APIWhitelist)) {
			err = fmt.Errorf("%s has %+v, want %+v", env, got, want)
		}
		return err
	})...)
	if err != nil {
		t.Error(err)
	}
}

// TestFirstKeyOfSixteen: sixteen first calls at once get the same key, which
// is the key from then on.
//
// Proves: CS-5
func TestFirstKeyOfSixteen(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		_, developer := b.clients()
		var keys [16]string
		err := errors.Join(atOnce(func(i int) (err error) {
			keys[i], err = developer.GetCodeSecret(t.Context())
			return err
		})...)
		later, laterErr := developer.GetCodeSecret(t.Context())
		if err != nil || laterErr != nil {
			t.Fatal(err, laterErr)
		}
		for i, key := range keys {
			if key != later || len(key) != 64 {
				t.Errorf("call %d got %q, and a later one %q", i, key, later)
			}
		}
	})
}

// TestLongestWhitelist: 1,000 entries of 256 bytes are accepted, 1,001 are not.
//
// Proves: UT-10
func TestLongestWhitelist(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		_, developer := b.clients()
		list := make([]string, 1001)
		for i := range list {
			list[i] = fmt.Sprintf("/%s%04d", strings.Repeat("a", 251), i)
		}
		err := developer.SetCloudAccessToken(t.Context(), "env-one", tcb.Permission{Open: true, APIWhitelist: list, Version: 2})
		refused, ok := errors.AsType[*tcb.Error](err)
		if !ok || refused.Code != 40097 || !strings.Contains(refused.Message, "api_whitelist") {
			t.Errorf("1,001 entries: %v", err)
		}
		most := tcb.Permission{Open: true, APIWhitelist: list[:1000], Version: 2}
		if err := developer.SetCloudAccessToken(t.Context(), "env-one", most); err != nil {
			t.Error(err)
		}
		most.Version = 4
		wantPermission(t, developer, "env-one", most)
	})
}
