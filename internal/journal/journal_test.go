package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func code(n int) *int { return &n }

func call(iface string) *Entry { return &Entry{Match: Match{Interface: iface}, ErrCode: code(0)} }

// Proves: JN-1
func TestRing(t *testing.T) {
	t.Parallel()
	j := New()
	for range MaxEntries + 500 {
		j.Add(call("getcodesecret"))
	}
	all := j.Find(Filter{}, 0, 2*MaxEntries)
	if len(all) != MaxEntries || all[0].Seq != 501 {
		t.Errorf("%d entries from %d", len(all), all[0].Seq)
	}
	for range 2000 {
		e := call("upload")
		e.Body, e.Answer = strings.Repeat("x", MaxBody), ""
		j.Add(e)
	}
	var size int64
	all = j.Find(Filter{}, 0, 2*MaxEntries)
	for _, e := range all {
		size += e.size()
	}
	if size > MaxBytes || size < MaxBytes-2*MaxBody || size != j.bytes {
		t.Errorf("%d bytes in %d entries, counted %d", size, len(all), j.bytes)
	}
	j.Clear()
	if j.Add(call("x")); len(j.Find(Filter{}, 0, 10)) != 1 || j.bytes != call("x").size() {
		t.Errorf("after Clear: %d bytes", j.bytes)
	}
}

// Proves: JN-3
func TestFilter(t *testing.T) {
	t.Parallel()
	e := &Entry{
		At:    1000,
		Match: Match{Interface: "createfunction", Platform: "p", AppID: "a", Env: "e", Function: "f", Path: "/tcb/createfunction"},
		Body:  "body", Answer: "answer", Query: "query", Reason: "reason", ErrCode: code(40097), RID: "r",
	}
	for name, fit := range map[string][2]Filter{
		"interface": {{Match: Match{Interface: "createfunction"}}, {Match: Match{Interface: "x"}}},
		"platform":  {{Match: Match{Platform: "p"}}, {Match: Match{Platform: "x"}}},
		"appid":     {{Match: Match{AppID: "a"}}, {Match: Match{AppID: "x"}}},
		"env":       {{Match: Match{Env: "e"}}, {Match: Match{Env: "x"}}},
		"function":  {{Match: Match{Function: "f"}}, {Match: Match{Function: "x"}}},
		"path":      {{Match: Match{Path: "/tcb/*"}}, {Match: Match{Path: "/tcb"}}},
		"errcode":   {{ErrCode: code(40097)}, {ErrCode: code(0)}},
		"rid":       {{RID: "r"}, {RID: "x"}},
		"text":      {{Text: "answ"}, {Text: "x"}},
		"since":     {{Since: 1000}, {Since: 1001}},
	} {
		if !fit[0].Fits(e) || fit[1].Fits(e) {
			t.Errorf("%s: %v and %v", name, fit[0].Fits(e), fit[1].Fits(e))
		}
	}
	if (&Filter{ErrCode: code(0)}).Fits(&Entry{}) {
		t.Error("a call without an errcode has errcode 0")
	}
}

// Proves: JN-3
func TestWait(t *testing.T) {
	t.Parallel()
	j := New()
	j.Add(call("getcodesecret"))
	j.Add(call("other"))
	got := make(chan []*Entry)
	go func() { got <- j.Wait(t.Context(), Filter{Match: Match{Interface: "getcodesecret"}}, 0, 10, 3) }()
	j.Add(call("other"))
	j.Add(call("getcodesecret"))
	select {
	case all := <-got:
		t.Fatalf("ended with %d", len(all))
	case <-time.After(20 * time.Millisecond):
	}
	j.Add(call("getcodesecret"))
	if all := <-got; len(all) != 3 || all[0].Seq != 1 || all[2].Seq != 5 {
		t.Errorf("%d entries", len(all))
	}
	ctx, end := context.WithCancel(t.Context())
	go func() { got <- j.Wait(ctx, Filter{}, 0, 100, 100) }()
	end()
	if all := <-got; len(all) != 5 {
		t.Errorf("at its end: %d entries", len(all))
	}
	go func() { got <- j.Wait(t.Context(), Filter{}, 5, 100, 1) }()
	j.Close()
	if all := <-got; len(all) != 0 {
		t.Errorf("at the journal's end: %d entries", len(all))
	}
}

// TestWaitMissesNothing adds calls while several wait for all of them.
func TestWaitMissesNothing(t *testing.T) {
	t.Parallel()
	j := New()
	const n = 3000
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if all := j.Wait(t.Context(), Filter{Match: Match{Interface: "a"}}, 0, n, n); len(all) != n {
				t.Errorf("%d of %d", len(all), n)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			for range n / 3 {
				j.Add(call("a"))
				j.Add(call("b"))
			}
		})
	}
	wg.Wait()
}

// Proves: JN-3
func TestInstead(t *testing.T) {
	t.Parallel()
	j := New()
	for _, action := range []string{"get", "get"} {
		e := call("usecloudaccesstoken")
		e.Action, e.Body, e.AppID = action, `{"action":"get"}`, "wx1"
		j.Add(e)
	}
	other := call("usecloudaccesstoken")
	other.AppID, other.ErrCode = "wx2", nil
	j.Add(other)
	j.Add(call("getcodesecret"))
	f := Filter{Match: Match{Interface: "usecloudaccesstoken", AppID: "wx1"}, Text: `"set"`}
	want := []string{
		`2 calls of usecloudaccesstoken, both get: without the text "\"set\""`,
		`1 call of usecloudaccesstoken: appid wx2 instead of wx1, without the text "\"set\""`,
		`1 call of getcodesecret: appid none instead of wx1, without the text "\"set\""`,
	}
	if got := j.Instead(f); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := j.Instead(Filter{Match: Match{Interface: "none"}}); len(got) != 2 || got[0] != "1 call of getcodesecret" {
		t.Errorf("%q", got)
	}
}

// TestHAR: an archive has what HAR 1.2 wants, and no null where it wants a list.
//
// Proves: JN-3
func TestHAR(t *testing.T) {
	t.Parallel()
	e := call("getcodesecret")
	e.Method, e.Host, e.Path, e.Query, e.Body, e.BodyBytes = "POST", "h:1", "/tcb/getcodesecret", "a=1&b=x%20y", "{}", 2
	e.Status, e.Answer, e.AnswerBytes, e.Fault = 200, `{"errcode":0}`, 13, &Fault{"1", "delay"}
	text, err := json.Marshal(ToHAR("1.0", []*Entry{e, {}}))
	if err != nil || strings.Contains(string(text), "null") {
		t.Fatalf("%v: %s", err, text)
	}
	for _, part := range []string{
		`"url":"http://h:1/tcb/getcodesecret?a=1\u0026b=x%20y"`, `{"name":"b","value":"x y"}`, `"postData":{"mimeType":"","text":"{}"}`,
		`"content":{"size":13,`, `injected: delay`, `"version":"1.2"`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

// TestFullMemory tells what a full journal takes.
func TestFullMemory(t *testing.T) {
	for _, body := range []int{200, 6500} {
		before, j := heap(), New()
		for i := range MaxEntries {
			e := call("usecloudaccesstoken")
			e.Body, e.Answer = strings.Repeat("x", body/2), strings.Repeat("y", body/2)
			e.Headers = map[string]string{"Content-Type": "application/json", "User-Agent": fmt.Sprint("agent", i)}
			e.AnswerHeaders = map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}
			j.Add(e)
		}
		taken := heap() - before
		t.Logf("bodies of %d bytes: %.1f MiB for %d entries, counted as %.1f MiB", body,
			float64(taken)/(1<<20), len(j.entries), float64(j.bytes)/(1<<20))
		if taken > 2*MaxBytes {
			t.Errorf("a full journal takes %d bytes", taken)
		}
		runtime.KeepAlive(j)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
