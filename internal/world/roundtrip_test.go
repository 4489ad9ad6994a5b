package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// sameAgain fails unless w, written as YAML and as JSON, is read as w.
func sameAgain(t rapid.TB, w *World) {
	t.Helper()
	written, err := yaml.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(written, "written.yaml")
	lines := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Line" }, cmp.Ignore())
	if diff := cmp.Diff(w, again, lines, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Fatalf("%v\n%s\n(-was +read):\n%s", err, written, diff)
	}
	sent, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(sent, "sent.json")
	if diff := cmp.Diff(again, got); err != nil || diff != "" {
		t.Fatalf("%v\n%s\n(-was +read):\n%s", err, sent, diff)
	}
}

// worlds draws sound worlds. Accounts are few, so that items share them; a platform's appid ends in f, and no other's.
func worlds(t *rapid.T) *World {
	miniProgram := rapid.StringMatching(`wx000000000000000[0-9a-e]`)
	platform := rapid.StringMatching(`wx[0-9a-f]{14}[0-9]f`)
	env := rapid.StringMatching(`[a-z][a-z0-9-]{1,63}`)
	var w World
	for _, appid := range rapid.SliceOfNDistinct(platform, 0, 3, rapid.ID).Draw(t, "platforms") {
		w.Platforms = append(w.Platforms, Platform{
			AppID:        appid,
			Secret:       rapid.StringMatching(`[!-~]{1,128}`).Draw(t, "secret"),
			VerifyTicket: rapid.StringMatching(`(ticket@@@[A-Za-z0-9_@-]{1,503})?`).Draw(t, "ticket"),
		})
	}
	for _, appid := range rapid.SliceOfNDistinct(miniProgram, 0, 5, rapid.ID).Draw(t, "miniprograms") {
		w.MiniPrograms = append(w.MiniPrograms, MiniProgram{AppID: appid, Cloud: rapid.Ptr(rapid.Bool(), true).Draw(t, "cloud")})
	}
	open := rapid.Bool().Draw(t, "open")
	for _, id := range rapid.SliceOfNDistinct(env, 0, 5, rapid.ID).Draw(t, "environments") {
		e := Environment{ID: id, Open: rapid.Ptr(rapid.Just(open), true).Draw(t, "open")}
		if rapid.Bool().Draw(t, "batch") {
			e.Platform = platform.Draw(t, "platform")
		} else {
			e.AppID = miniProgram.Draw(t, "appid")
		}
		e.APIWhitelist = rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,20}|[\p{L}\p{N}\p{P}\p{S}]{0,5}|yes|Off|1e5|null|~`), 0, 4).Draw(t, "whitelist")
		w.Environments = append(w.Environments, e)
		w.Functions = append(w.Functions, Function{
			Env:  id,
			Name: rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]`).Draw(t, "name"),
			Zip:  rapid.StringMatching(`[ -~é夹😀]{0,20}`).Draw(t, "zip"),
		})
	}
	for _, appid := range rapid.SliceOfNDistinct(miniProgram, 0, 4, rapid.ID).Draw(t, "authorizations") {
		w.Authorizations = append(w.Authorizations, Authorization{
			Platform:       platform.Draw(t, "platform"),
			AppID:          appid,
			PermissionSets: rapid.SliceOfNDistinct(rapid.IntRange(1, maxPermissionSet), 1, 5, rapid.ID).Draw(t, "sets"),
			RefreshToken:   rapid.StringMatching(`(refreshtoken@@@[A-Za-z0-9_@-]{1,497})?`).Draw(t, "refresh"),
		})
	}
	return &w
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
		written, err := yaml.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(written, "w.yaml")
		faults, _ := err.(Faults)
		if len(faults) != 1 || !strings.Contains(faults[0].Message, "is repeated, first on line ") {
			t.Fatalf("got %v of\n%s", err, written)
		}
		var first int
		_, after, _ := strings.Cut(faults[0].Message, "first on line ")
		if _, err := fmt.Sscan(after, &first); err != nil || first >= faults[0].Line {
			t.Fatalf("got %v of\n%s", faults, written)
		}
		lines := bytes.Split(written, []byte("\n"))
		if !bytes.Equal(lines[first-1], lines[faults[0].Line-1]) {
			t.Fatalf("got %v of\n%s", faults, written)
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
		faults, ok := err.(Faults)
		if !ok || w != nil || len(faults) == 0 || len(faults) > maxFaults+1 {
			t.Fatalf("got %v and %d faults: %v", w, len(faults), err)
		}
		told := faults[:min(len(faults), maxFaults)]
		for i, fault := range told {
			if fault.Message == "" || fault.Line > 1+breaks(data) || strings.ContainsAny(fault.Message, "\n\r\x00\x1b") {
				t.Fatalf("fault %d: %q", i, fault)
			}
		}
		if !slices.IsSortedFunc(told, func(a, b Fault) int { return a.Line - b.Line }) {
			t.Fatalf("not sorted: %v", told)
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
