package opentcbtest_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// TestWorldHasAll: what a world file can say of an item, World can.
func TestWorldHasAll(t *testing.T) {
	compare := func(what string, ours, theirs reflect.Type, also ...string) {
		want, got := append(fileMembers(theirs), also...), jsonMembers(ours)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s has %v, and in a world file %v", what, got, want)
		}
	}
	pairs := map[string][2]reflect.Type{}
	world, file := reflect.TypeFor[opentcbtest.World](), reflect.TypeFor[cloud.World]()
	for i := range world.NumField() {
		ours := world.Field(i)
		theirs, ok := file.FieldByName(ours.Name)
		if !ok {
			t.Fatalf("a world file has no %s", ours.Name)
		}
		pairs[ours.Name] = [2]reflect.Type{ours.Type.Elem(), theirs.Type.Elem()}
	}
	if len(pairs) != file.NumField()-1 { // without the options
		t.Errorf("World has %v", slices.Sorted(maps.Keys(pairs)))
	}
	for name, pair := range pairs {
		compare(name, pair[0], pair[1])
	}
	compare("Quotas", reflect.TypeFor[opentcbtest.Quotas](), reflect.TypeFor[cloud.Quotas]())
	compare("Quota", reflect.TypeFor[opentcbtest.Quota](), reflect.TypeFor[cloud.Quota]())
	compare("Trigger", reflect.TypeFor[opentcbtest.Trigger](), reflect.TypeFor[cloud.Trigger]())
	compare("EventAddress", reflect.TypeFor[opentcbtest.EventAddress](), reflect.TypeFor[cloud.EventSetting]())
}

// fileMembers are the members of an item of a world file, of which cloud has that form.
func fileMembers(item reflect.Type) (all []string) {
	names := map[string]string{
		"Ticket": "verify_ticket", "Whitelist": "api_whitelist", "Sets": "permission_sets", "RefreshToken": "refresh_token",
	}
	for i := range item.NumField() {
		f := item.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Name == "Line", f.Name == "Sum", strings.HasPrefix(f.Name, "No"): // of no member of its own
		case f.Name == "Account" && item == reflect.TypeFor[cloud.WorldFunction](), f.Name == "Configs": // nor are these
		case f.Name == "Type": // of a trigger, which is always timer
		case f.Name == "With":
			all = append(all, fileMembers(f.Type)...)
		case f.Name == "Account":
			all = append(all, "appid")
		case f.Name == "Batch":
			all = append(all, "platform")
		case tag != "":
			all = append(all, tag)
		case names[f.Name] != "":
			all = append(all, names[f.Name])
		default:
			all = append(all, strings.ToLower(f.Name))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func jsonMembers(item reflect.Type) (all []string) {
	for i := range item.NumField() {
		if tag, _, _ := strings.Cut(item.Field(i).Tag.Get("json"), ","); tag != "-" {
			all = append(all, tag)
		}
	}
	return all
}

// isCode reports whether a call was refused with an errcode.
func isCode(err error, code tcb.Code) bool {
	e, ok := errors.AsType[*tcb.Error](err)
	return ok && e.Code == code
}

// TestWholeWorld: what only a platform or an environment in use shows of itself counts
// as it does in a world file.
func TestWholeWorld(t *testing.T) {
	t.Parallel()
	const one, two, disabled, mini, third = "wx00000000000000c1", "wx00000000000000c2", "wx00000000000000c3",
		"wx00000000000000a1", "wx00000000000000a2"
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"ran":"`+r.URL.Path+`"}`)
	}))
	defer runtime.Close()
	events := make(chan tcb.Event, 10)
	receiver := httptest.NewServer(eventsOf(t, one, events))
	defer receiver.Close()
	srv := opentcbtest.New(t, opentcbtest.World{
		Platforms: []opentcbtest.Platform{
			{AppID: one, VerifyTicket: "ticket@@@fixed", Name: "one", PermissionSets: []int{18, 49},
				Quotas:       &opentcbtest.Quotas{Interfaces: map[string]opentcbtest.Quota{"getcodesecret": {Minute: 2}}},
				ConsentHosts: []string{"mine.example"},
				Events: []opentcbtest.EventAddress{
					{URL: receiver.URL, Token: opentcbtest.EventToken, AESKey: opentcbtest.EventAESKey},
				}},
			{AppID: two, IPWhitelist: []string{"192.0.2.0/24"}},
			{AppID: disabled, Disabled: true},
		},
		MiniPrograms:   []opentcbtest.MiniProgram{{AppID: mini, Name: "mini", Principal: "me"}, {AppID: third, Disabled: true}},
		Environments:   []opentcbtest.Environment{{ID: "env-one", AppID: mini, Alias: "first", Runtime: runtime.URL}},
		Authorizations: []opentcbtest.Authorization{{Platform: one, AppID: mini, RefreshToken: "refreshtoken@@@fixed"}},
		Functions: []opentcbtest.Function{{Env: "env-one", Name: "hello", Files: map[string]string{"index.js": "1"}, Timeout: 7,
			Environment: map[string]string{"KEY": "1"}, OpenAPI: []string{"wxacode.get"},
			Triggers: []opentcbtest.Trigger{{Name: "daily", Config: "0 0 2 * * * *"}}}},
	})
	if e := <-events; e.ComponentVerifyTicket != "ticket@@@fixed" || srv.Ticket(one) != "ticket@@@fixed" {
		t.Errorf("the ticket is %q", e.ComponentVerifyTicket)
	}
	if _, err := srv.PlatformClient(one).AuthorizerToken(t.Context(), one, mini, "refreshtoken@@@fixed"); err != nil {
		t.Errorf("the refresh token: %v", err)
	}
	client := srv.Client(one, mini)
	srv.Clock().Freeze(time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC))
	for i, want := range []bool{true, true, false} {
		if _, err := client.GetCodeSecret(t.Context()); (err == nil) != want || err != nil && !isCode(err, 45011) {
			t.Errorf("call %d with a quota of two: %v", i, err)
		}
	}
	got, err := client.InvokeCloudFunction(t.Context(), "env-one", "hello", []byte("{}"))
	if err != nil || !strings.Contains(string(got), "env-one/hello") {
		t.Errorf("the runtime answered %s, %v", got, err)
	}
	for kind, want := range map[tcb.FuncConfigType]string{
		tcb.FuncConfigProcess:  `{"environment":[{"key":"KEY","value":"1"}],"timeout":7}`,
		tcb.FuncConfigAPIs:     `{"permissions":{"openapi":["wxacode.get"]}}`,
		tcb.FuncConfigTriggers: `{"triggers":[{"name":"daily","type":"timer","config":"0 0 2 * * * *"}]}`,
	} {
		if got, err := client.GetFuncConfig(t.Context(), "env-one", "hello", kind); err != nil || got != want {
			t.Errorf("the configuration is %s, %v", got, err)
		}
	}
	for appid, code := range map[string]tcb.Code{two: 61004, disabled: 61011} {
		c := &tcb.Client{BaseURL: srv.URL}
		_, err := c.ComponentToken(t.Context(), appid, "secret-of-"+appid, srv.Ticket(appid))
		if !isCode(err, code) {
			t.Errorf("%s: %v, want %d", appid, err, code)
		}
	}
}

// eventsOf receives what is pushed to a platform.
func eventsOf(t *testing.T, platform string, events chan<- tcb.Event) http.Handler {
	keys := []tcb.EventKey{{Token: opentcbtest.EventToken, EncodingAESKey: opentcbtest.EventAESKey}}
	h, err := tcb.NewEventHandler(platform, keys, tcb.OnEvent(func(_ context.Context, e tcb.Event) error {
		events <- e
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return h
}
