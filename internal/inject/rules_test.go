package inject

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/journal"
)

var now = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)

func interfaces() map[string]Interface {
	return map[string]Interface{
		"getcodesecret":       {"/tcb/getcodesecret", []string{"platform", "appid"}},
		"createfunction":      {"/tcb/createfunction", []string{"platform", "appid", "env", "function"}},
		"api_component_token": {"/cgi-bin/component/api_component_token", []string{"platform"}},
		Link:                  {"", []string{"platform", "appid", "env", "function"}},
		Push:                  {"", []string{"platform", "appid"}},
		"none":                {},
	}
}

func read(t *testing.T, text string) Rule {
	t.Helper()
	var r Rule
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func call(iface string) journal.Match {
	return journal.Match{Interface: iface, Platform: "p1", AppID: "a1", Path: "/tcb/" + iface}
}

// acted returns on which of n calls a rule acts.
func acted(r *Rules, n int) string {
	var b strings.Builder
	for range n {
		if r.Choose(call("getcodesecret"), now) != nil {
			b.WriteByte('x')
		} else {
			b.WriteByte('.')
		}
	}
	return b.String()
}

// Proves: FA-1
func TestWhen(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`{}`:                                  "xxxxxx",
		`{"skip":2}`:                          "..xxxx",
		`{"times":2}`:                         "xx....",
		`{"skip":1,"times":2}`:                ".xx...",
		`{"until":"2026-01-31T15:04:06Z"}`:    "xxxxxx",
		`{"until":"2026-01-31T15:04:05Z"}`:    "......",
		`{"probability":1}`:                   "xxxxxx",
		`{"probability":1e-9,"seed":7}`:       "......",
		`{"skip":5,"probability":1,"seed":7}`: ".....x",
	} {
		r := New(interfaces())
		if _, err := r.Add(read(t, `{"when":`+when+`,"do":{"reset":true}}`), now); err != nil {
			t.Fatal(err)
		}
		if got := acted(r, 6); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		if list := r.List(now); list[0].Hits != strings.Count(want, "x") || list[0].ID != "1" {
			t.Errorf("%s: listed as %+v", when, list)
		}
	}
}

// TestSeed: the same seed and the same calls give the same faults and delays,
// another seed others.
//
// Proves: FA-4
func TestSeed(t *testing.T) {
	t.Parallel()
	run := func(seed string) (faults string, delays []time.Duration) {
		r := New(interfaces())
		for _, text := range []string{
			`{"match":{"appid":"a1"},"when":{"probability":0.5,"seed":` + seed + `},"do":{"errcode":-1}}`,
			`{"when":{"seed":` + seed + `},"do":{"delay":{"min":"50ms","max":"400ms"}}}`,
		} {
			if _, err := r.Add(read(t, text), now); err != nil {
				t.Fatal(err)
			}
		}
		for range 64 {
			a := r.Choose(call("getcodesecret"), now)
			faults += a.ID
			if a.ID == "2" {
				delays = append(delays, a.Delay)
			}
			if a.Delay > 400*time.Millisecond || a.ID == "2" && a.Delay < 50*time.Millisecond {
				t.Errorf("a delay of %v", a.Delay)
			}
		}
		return faults, delays
	}
	faults, delays := run("7")
	again, delaysAgain := run("7")
	other, _ := run("8")
	if faults != again || !slices.Equal(delays, delaysAgain) || faults == other || !strings.Contains(faults, "12") {
		t.Errorf("%s, again %s, other %s, %v, %v", faults, again, other, delays, delaysAgain)
	}
}

// Proves: FA-4, FA-1
func TestFirstActs(t *testing.T) {
	t.Parallel()
	r := New(interfaces())
	for _, text := range []string{
		`{"match":{"appid":"a2"},"do":{"reset":true}}`,
		`{"match":{"path":"/tcb/get*"},"when":{"times":1},"do":{"stall":true}}`,
		`{"do":{"drop":true}}`,
		`{"do":{"errcode":-1}}`,
	} {
		if _, err := r.Add(read(t, text), now); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	other := call("getcodesecret")
	other.AppID = "a2"
	for _, c := range []journal.Match{call("getcodesecret"), call("getcodesecret"), other, {Interface: Push}} {
		got = append(got, r.Choose(c, now).ID)
	}
	if !slices.Equal(got, []string{"2", "4", "1", "3"}) {
		t.Errorf("rules %v", got)
	}
	acting := r.Choose(other, now)
	if !r.Remove("1") || r.Remove("1") {
		t.Error("Remove")
	}
	select {
	case <-acting.Gone:
	default:
		t.Error("who waits is not told that the rule is gone")
	}
	if n := r.Clear(); n != 3 || r.Choose(other, now) != nil || len(r.List(now)) != 0 {
		t.Errorf("Clear removed %d", n)
	}
	if who, what := r.Wants("getcodesecret"); who || what {
		t.Error("no rule wants anything")
	}
}

// Proves: FA-1
func TestBadRules(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"match":{"interface":"getcodesecrt"},"do":{"reset":true}}`:         "match.interface: did you mean getcodesecret",
		`{"match":{"interface":"x"},"do":{"reset":true}}`:                    "match.interface: there is api_component_token",
		`{"match":{"path":"tcb"},"do":{"reset":true}}`:                       "match.path: slash",
		`{"when":{"skip":-1},"do":{"reset":true}}`:                           "when.skip",
		`{"when":{"times":0},"do":{"reset":true}}`:                           "when.times",
		`{"when":{"probability":2},"do":{"reset":true}}`:                     "when.probability",
		`{"when":{"probability":0},"do":{"reset":true}}`:                     "when.probability",
		`{"do":{"errcode":-1,"reset":true}}`:                                 "do.reset: beside errcode",
		`{"do":{}}`:                                                          "do: one of errcode, status",
		`{"do":{"errmsg":"x"}}`:                                              "do.errmsg",
		`{"do":{"errmsg":"x","stall":true}}`:                                 "do.errmsg",
		`{"do":{"errcode":0}}`:                                               "do.errcode",
		`{"do":{"status":{"code":99}}}`:                                      "do.status.code",
		`{"do":{"status":{"code":101}}}`:                                     "do.status.code",
		`{"do":{"status":{"code":600}}}`:                                     "do.status.code",
		`{"do":{"cut":{"after":-1}}}`:                                        "do.cut.after",
		`{"do":{"delay":"11m"}}`:                                             "do.delay",
		`{"match":{"interface":"push"},"do":{"delay":"6s"}}`:                 "do.delay: 5s",
		`{"do":{"delay":{"min":"2s","max":"1s"}}}`:                           "do.delay",
		`{"match":{"interface":"getcodesecret"},"do":{"alter":true}}`:        "do.alter: getcodesecret",
		`{"match":{"interface":"link"},"do":{"drop":true}}`:                  "do.drop: link",
		`{"match":{"interface":"push"},"do":{"errcode":-1}}`:                 "do.errcode: push",
		`{"match":{"interface":"api_component_token"},"do":{"expire":true}}`: "do.expire",
	} {
		_, err := New(interfaces()).Add(read(t, text), now)
		b, ok := errors.AsType[*BadRule](err)
		member, part, _ := strings.Cut(want, ": ")
		if !ok || b.Member != member || !strings.Contains(b.Message, part) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{`{"do":{"delay":5}}`, `{"do":{"delay":"5"}}`, `{"do":{"delay":{"mn":"5s"}}}`} {
		var r Rule
		if json.Unmarshal([]byte(text), &r) == nil {
			t.Errorf("%s is read", text)
		}
	}
	r := New(interfaces())
	for range MaxRules {
		if _, err := r.Add(read(t, `{"do":{"reset":true}}`), now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Add(read(t, `{"do":{"reset":true}}`), now); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more than there may be: %v", err)
	}
}

// TestNever: a rule that can never act says why.
//
// Proves: FA-1
func TestNever(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"match":{"interface":"getcodesecret","function":"f"},"do":{"reset":true}}`:  "a call of getcodesecret has no function",
		`{"match":{"interface":"getcodesecret","path":"/tcb/x"},"do":{"reset":true}}`: "the path of getcodesecret is /tcb/getcodesecret",
		`{"match":{"interface":"getcodesecret","path":"/tcb/*"},"do":{"reset":true}}`: "",
		`{"match":{"env":"e"},"do":{"drop":true}}`:                                    "no interface has such calls",
		`{"match":{"env":"e"},"do":{"delay":"1s"}}`:                                   "",
		`{"when":{"until":"2026-01-31T15:04:05Z"},"do":{"reset":true}}`:               "its time is over",
		`{"match":{"appid":"a9","interface":"createfunction"},"do":{"errcode":-1}}`:   "rule 1 comes before it and acts on all of its calls",
		`{"match":{"appid":"a9"},"do":{"drop":true}}`:                                 "",
		`{"match":{"appid":"a8","interface":"createfunction"},"do":{"errcode":-1}}`:   "",
	} {
		r := New(interfaces())
		if _, err := r.Add(read(t, `{"match":{"appid":"a9"},"do":{"reset":true}}`), now); err != nil {
			t.Fatal(err)
		}
		l, err := r.Add(read(t, text), now)
		if err != nil || l.Never != want {
			t.Errorf("%s: %q, %v, want %q", text, l.Never, err, want)
		}
	}
	r := New(interfaces())
	if _, err := r.Add(read(t, `{"when":{"times":1},"do":{"reset":true}}`), now); err != nil {
		t.Fatal(err)
	}
	acted(r, 2)
	if l := r.List(now)[0]; l.Never != "it has acted as often as it may" || l.Hits != 1 {
		t.Errorf("%+v", l)
	}
}

// FuzzRule: a rule that is read is written as it was read, and whatever it is, it
// can be added, listed and asked.
func FuzzRule(f *testing.F) {
	f.Add(`{"match":{"interface":"getcodesecret","appid":"wx"},"when":{"skip":1,"times":2,"probability":0.5,"seed":7,"until":"2026-01-31T15:04:05Z"},"do":{"errcode":-1}}`)
	f.Add(`{"do":{"delay":{"min":"50ms","max":"400ms"}}}`)
	f.Add(`{"do":{"status":{"code":502,"body":"x"}},"match":{"path":"/*"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var rule, again Rule
		if json.Unmarshal([]byte(text), &rule) != nil {
			return
		}
		written, err := json.Marshal(rule)
		if err != nil {
			return // a time that has no form
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(written) {
			t.Errorf("%s became %s", written, twice)
		}
		r := New(interfaces())
		if _, err := r.Add(rule, now); err == nil {
			r.Choose(call("getcodesecret"), now)
			if _, err := json.Marshal(r.List(now)); err != nil {
				t.Error(err)
			}
		}
	})
}
