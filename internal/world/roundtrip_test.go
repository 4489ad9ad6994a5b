package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
)

// written returns w as a world file says it, for an encoder of YAML or JSON,
// with the member line of each item if that is wanted.
func written(w cloud.World, lines bool) map[string][]map[string]any {
	line := func(n int) int {
		if lines {
			return n
		}
		return 0
	}
	file := map[string][]map[string]any{}
	for _, p := range w.Platforms {
		events := maybeOf(p.With.Events)
		if all, ok := events.([]any); ok {
			list := []map[string]any{}
			for _, e := range all[0].([]cloud.EventSetting) {
				list = append(list, item(0, "url", e.URL, "token", e.Token, "aes_key", e.AESKey))
			}
			events = []any{list}
		}
		file["platforms"] = append(file["platforms"],
			item(line(p.Line), "appid", p.AppID, "secret", p.Secret, "verify_ticket", orNull(p.Ticket, p.NoTicket),
				"name", maybeOf(p.With.Name), "disabled", maybeOf(p.With.Disabled), "permission_sets", maybeOf(p.With.PermissionSets),
				"quotas", quotasOf(p.With.Quotas), "ip_whitelist", maybeOf(p.With.IPWhitelist), "events", events,
				"consent_hosts", maybeOf(p.With.ConsentHosts)))
	}
	for _, m := range w.MiniPrograms {
		file["miniprograms"] = append(file["miniprograms"], item(line(m.Line), "appid", m.AppID, "cloud", m.Cloud,
			"name", maybeOf(m.With.Name), "principal", maybeOf(m.With.Principal), "disabled", maybeOf(m.With.Disabled)))
	}
	for _, e := range w.Environments {
		owner := map[bool]string{true: "platform", false: "appid"}[e.Batch]
		file["environments"] = append(file["environments"],
			item(line(e.Line), "id", e.ID, owner, e.Account, "open", e.Open, "api_whitelist", e.Whitelist))
	}
	for _, a := range w.Authorizations {
		file["authorizations"] = append(file["authorizations"],
			item(line(a.Line), "platform", a.Platform, "appid", a.AppID, "permission_sets", a.Sets,
				"refresh_token", orNull(a.RefreshToken, a.NoRefresh)))
	}
	for _, f := range w.Functions {
		file["functions"] = append(file["functions"], item(line(f.Line), "env", f.Env, "name", f.Name, "zip", orNull(f.Zip, f.NoZip),
			"timeout", maybeOf(f.Timeout), "environment", variablesOf(f.Environment), "openapi", maybeOf(f.OpenAPI),
			"triggers", triggersIn(f.Triggers)))
	}
	return file
}

// null is a member that is null, or "".
type null struct{ isIt bool }

// MarshalJSON writes null.
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// MarshalYAML writes "".
func (null) MarshalYAML() (any, error) { return "", nil }

func orNull(value string, away bool) any {
	if away {
		return null{true}
	}
	return value
}

// maybeOf returns a member of a change, "" for one that is absent.
func maybeOf[T any](m cloud.Maybe[T]) any {
	switch {
	case !m.Given:
		return ""
	case m.Null:
		return null{true}
	}
	return []any{m.Value}
}

// quotasOf is maybeOf for quotas.
func quotasOf(m cloud.Maybe[cloud.Quotas]) any {
	if !m.Given || m.Null {
		return maybeOf(m)
	}
	quota := func(q cloud.Quota) map[string]int64 {
		all := map[string]int64{"day": q.Day, "minute": q.Minute}
		maps.DeleteFunc(all, func(_ string, n int64) bool { return n == 0 })
		return all
	}
	interfaces := map[string]any{}
	for name, q := range m.Value.Interfaces {
		interfaces[name] = quota(q)
	}
	return []any{map[string]any{"interfaces": interfaces, "all": quota(m.Value.All)}}
}

// item returns an item of names and values, without those that are zero.
func item(line int, members ...any) map[string]any {
	m := map[string]any{}
	members = append(members, "line", line)
	for i := 0; i < len(members); i += 2 {
		if !reflect.ValueOf(members[i+1]).IsZero() {
			m[members[i].(string)] = members[i+1]
			if one, ok := members[i+1].([]any); ok { // it may be zero
				m[members[i].(string)] = one[0]
			}
		}
	}
	return m
}

// unseen is what JSON has as it is, and YAML refuses or takes for a line break.
var unseen = regexp.MustCompile(`[\x7f-\x{9f}\x{feff}\x{fffe}\x{ffff}]`)

// sameAgain fails unless w, written as YAML and as JSON, is read as w.
func sameAgain(t rapid.TB, w cloud.World) {
	t.Helper()
	asYAML, err := yaml.Marshal(written(w, false))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(written(w, false))
	if err != nil {
		t.Fatal(err)
	}
	asJSON = unseen.ReplaceAllFunc(asJSON, func(r []byte) []byte { return fmt.Appendf(nil, `\u%04x`, []rune(string(r))[0]) })
	for _, text := range [][]byte{asYAML, asJSON} {
		again, err := Parse(text, "written")
		lines := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Line" }, cmp.Ignore())
		diff := cmp.Diff(w, again, lines, cmpopts.EquateEmpty(), cmpopts.EquateComparable(cloud.Network{}),
			cmpopts.SortSlices(func(a, b cloud.Variable) bool { return a.Key < b.Key }))
		if err != nil || diff != "" {
			t.Fatalf("%v\n%s\n(-was +read):\n%s", err, text, diff)
		}
	}
}

var permissionSetLists = rapid.SliceOfNDistinct(rapid.IntRange(1, maxPermissionSet), 0, 5, rapid.ID)

var someQuota = rapid.Custom(func(t *rapid.T) cloud.Quota {
	day, minute := rapid.Int64Range(0, cloud.MaxQuota).Draw(t, "day"), rapid.Int64Range(0, cloud.MaxQuota).Draw(t, "minute")
	return cloud.Quota{Day: day, Minute: max(minute, 1-min(day, 1))}
})

var someQuotas = rapid.Custom(func(t *rapid.T) cloud.Quotas {
	q := cloud.Quotas{Interfaces: rapid.MapOf(rapid.StringMatching(`[a-z_]{1,10}`), someQuota).Draw(t, "interfaces")}
	if rapid.Bool().Draw(t, "all") {
		q.All = someQuota.Draw(t, "all")
	}
	return q
})

var someNetworks = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) cloud.Network {
	raw := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
	if rapid.Bool().Draw(t, "IPv6") {
		raw = rapid.SliceOfN(rapid.ByteRange(1, 255), 16, 16).Draw(t, "address")
	}
	addr, _ := netip.AddrFromSlice(raw)
	return cloud.Network(netip.PrefixFrom(addr, rapid.IntRange(0, addr.BitLen()).Draw(t, "bits")).Masked())
}), 0, 4)

var eventSettings = rapid.Custom(func(t *rapid.T) cloud.EventSetting {
	return cloud.EventSetting{
		URL:   rapid.StringMatching(`https?://[a-z]{1,9}(:[0-9]{2,4})?/[!-~]{0,9}`).Draw(t, "url"),
		Token: rapid.StringMatching(`([A-Za-z0-9]{3,32})?`).Draw(t, "token"), AESKey: rapid.StringMatching(`([A-Za-z0-9]{43})?`).Draw(t, "key"),
	}
})

// maybes draws members of a change.
func maybes[T any](values *rapid.Generator[T]) *rapid.Generator[cloud.Maybe[T]] {
	return rapid.OneOf(
		rapid.Map(values, cloud.Given[T]), rapid.Just(cloud.Maybe[T]{}), rapid.Just(cloud.Maybe[T]{Given: true, Null: true}),
	)
}

// worlds draws sound worlds. Accounts are few, so that items share them; a platform's appid ends in f, and no other's.
func worlds(t *rapid.T) cloud.World {
	miniProgram := rapid.StringMatching(`wx000000000000000[0-9a-e]`)
	platform := rapid.StringMatching(`wx[0-9a-f]{14}[0-9]f`)
	env := rapid.StringMatching(`[a-z][a-z0-9-]{1,63}`)
	var w cloud.World
	for _, appid := range rapid.SliceOfNDistinct(platform, 0, 3, rapid.ID).Draw(t, "platforms") {
		w.Platforms = append(w.Platforms, cloud.WorldPlatform{
			AppID:  appid,
			Secret: rapid.StringMatching(`([!-~]{1,128})?`).Draw(t, "secret"),
			Ticket: rapid.StringMatching(`(ticket@@@[A-Za-z0-9_@-]{1,503})?`).Draw(t, "ticket"),
			With: cloud.PlatformChange{
				Name:           maybes(rapid.StringMatching(`[ -~]{1,20}|[\p{L}\p{N}\p{P}\p{S}]{1,5}|yes|1e5|null`)).Draw(t, "name"),
				Disabled:       maybes(rapid.Bool()).Draw(t, "disabled"),
				PermissionSets: maybes(permissionSetLists).Draw(t, "sets"),
				Quotas:         maybes(someQuotas).Draw(t, "quotas"),
				IPWhitelist:    maybes(someNetworks).Draw(t, "networks"),
				ConsentHosts:   maybes(rapid.SliceOfN(rapid.StringMatching(`[a-z0-9.:-]{1,20}`), 0, 3)).Draw(t, "hosts"),
				Events:         maybes(rapid.SliceOfN(eventSettings, 0, 3)).Draw(t, "events"),
			},
		})
		p := &w.Platforms[len(w.Platforms)-1]
		p.NoTicket = p.Ticket == "" && rapid.Bool().Draw(t, "no ticket")
	}
	for _, appid := range rapid.SliceOfNDistinct(miniProgram, 0, 5, rapid.ID).Draw(t, "miniprograms") {
		w.MiniPrograms = append(
			w.MiniPrograms,
			cloud.WorldMiniProgram{AppID: appid, Cloud: rapid.Ptr(rapid.Bool(), true).Draw(t, "cloud"), With: cloud.MiniProgramChange{
				Name:      maybes(rapid.StringMatching(`[ -~é夹😀]{1,20}`)).Draw(t, "name"),
				Principal: maybes(rapid.StringMatching(`[ -~é夹😀]{1,20}`)).Draw(t, "principal"),
				Disabled:  maybes(rapid.Bool()).Draw(t, "disabled"),
			}},
		)
	}
	open := rapid.Bool().Draw(t, "open")
	for _, id := range rapid.SliceOfNDistinct(env, 0, 5, rapid.ID).Draw(t, "environments") {
		e := cloud.WorldEnvironment{ID: id, Open: rapid.Ptr(rapid.Just(open), true).Draw(t, "open")}
		if rapid.Bool().Draw(t, "batch") {
			e.Account, e.Batch = platform.Draw(t, "platform"), true
		} else {
			e.Account = miniProgram.Draw(t, "appid")
		}
		e.Whitelist = rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,20}|[\p{L}\p{N}\p{P}\p{S}]{0,5}|yes|Off|1e5|null|~`), 0, 4).Draw(t, "whitelist")
		w.Environments = append(w.Environments, e)
		w.Functions = append(w.Functions, cloud.WorldFunction{
			Env:  id,
			Name: rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]`).Draw(t, "name"),
			Zip:  rapid.StringMatching(`[ -~é夹😀]{0,20}`).Draw(t, "zip"),

			Timeout:     maybes(rapid.Int64Range(1, cloud.MaxTimeout)).Draw(t, "timeout"),
			Environment: maybes(someVariables).Draw(t, "environment"),
			OpenAPI:     maybes(rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,5}\.[a-z]{1,5}|yes`), 0, 3)).Draw(t, "openapi"),
			Triggers:    maybes(rapid.SliceOfN(someTrigger, 0, 3)).Draw(t, "triggers"),
		})
	}
	for _, appid := range rapid.SliceOfNDistinct(miniProgram, 0, 4, rapid.ID).Draw(t, "authorizations") {
		w.Authorizations = append(w.Authorizations, cloud.WorldAuthorization{
			Platform:     platform.Draw(t, "platform"),
			AppID:        appid,
			Sets:         rapid.SliceOfNDistinct(rapid.IntRange(1, maxPermissionSet), 1, 5, rapid.ID).Draw(t, "sets"),
			RefreshToken: rapid.StringMatching(`(refreshtoken@@@[A-Za-z0-9_@-]{1,497})?`).Draw(t, "refresh"),
		})
	}
	return w
}

func TestSoundWorldsAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { sameAgain(t, worlds(t)) })
}

// An item that is written a second time is told on its line, with the line of the first, and nothing else is.
func TestRepeatedItemsAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worlds(t)
		repeats := []func() bool{
			func() bool { w.Platforms = repeat(w.Platforms); return len(w.Platforms) > 0 },
			func() bool { w.MiniPrograms = repeat(w.MiniPrograms); return len(w.MiniPrograms) > 0 },
			func() bool { w.Environments = repeat(w.Environments); return len(w.Environments) > 0 },
			func() bool { w.Authorizations = repeat(w.Authorizations); return len(w.Authorizations) > 0 },
			func() bool { w.Functions = repeat(w.Functions); return len(w.Functions) > 0 },
		}
		if !rapid.SampledFrom(repeats).Draw(t, "repeat")() {
			return
		}
		text, err := yaml.Marshal(written(w, false))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(text, "w.yaml")
		found, _ := err.(words.Faults)
		if len(found) != 1 || !strings.Contains(found[0].Message, "is repeated, first on line ") {
			t.Fatalf("got %v of\n%s", err, text)
		}
		var first int
		_, after, _ := strings.Cut(found[0].Message, "first on line ")
		if _, err := fmt.Sscan(after, &first); err != nil || first >= found[0].Line {
			t.Fatalf("got %v of\n%s", found, text)
		}
		lines := bytes.Split(text, []byte("\n"))
		if !bytes.Equal(lines[first-1], lines[found[0].Line-1]) {
			t.Fatalf("got %v of\n%s", found, text)
		}
	})
}

// repeat adds the first item of a list at its end.
func repeat[T any](items []T) []T {
	if len(items) == 0 {
		return items
	}
	return append(slices.Clone(items), items[0])
}

// FuzzParse: whatever the bytes, there is a world that reads the same when written again, or sorted faults; no panic.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		for _, data := range files(f, folder) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := Parse(data, "fuzz.yaml")
		if err == nil {
			sameAgain(t, w)
			return
		}
		found, ok := err.(words.Faults)
		if !ok || !cmp.Equal(w, cloud.World{}) || len(found) == 0 || len(found) > 101 {
			t.Fatalf("got %v and %d faults: %v", w, len(found), err)
		}
		reported := found[:min(len(found), 100)]
		for i, fault := range reported {
			if fault.Message == "" || fault.Line > 1+breaks(data) || strings.ContainsAny(fault.Message, "\n\r\x00\x1b") {
				t.Fatalf("fault %d: %q", i, fault)
			}
		}
		if !slices.IsSortedFunc(reported, func(a, b words.Fault) int { return a.Line - b.Line }) {
			t.Fatalf("not sorted: %v", reported)
		}
	})
}

// breaks counts what YAML takes for the end of a line, and \r\n twice.
func breaks(data []byte) int {
	n := 0
	for _, r := range string(data) {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
			n++
		}
	}
	return n
}
