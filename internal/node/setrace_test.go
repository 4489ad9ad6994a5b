package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

// A race's phases are numbered: in an even one calls may pass, in an odd one
// none may that began in it. Phases change after a set that closes was
// answered, and before one that opens is sent.
type race struct {
	*testing.T
	phase           atomic.Int64
	passed, refused atomic.Int64
	api, calls      string // address of the server, and what follows for a cloud call
}

// mayPass reports whether a call that began in a phase may pass now: unless that
// phase was a closed one, and still is.
func (r *race) mayPass(began int64) bool { return began%2 == 0 || r.phase.Load() != began }

// upstream wants every call that reaches it to be one that may.
func (r *race) upstream(w http.ResponseWriter, req *http.Request) {
	began, err := strconv.ParseInt(req.URL.Query().Get("phase"), 10, 64)
	if err != nil || !r.mayPass(began) {
		r.Errorf("a call that began in phase %d reached the upstream, %v", began, err)
	}
	_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"passed"}`)
}

// call makes one call, or asks for the decision on one, and wants it refused if
// it has to be.
func (r *race) call(client *http.Client, decision bool) error {
	began := r.phase.Load()
	call := r.calls + strconv.FormatInt(began, 10)
	req, err := http.NewRequest(http.MethodGet, r.api+call, nil)
	passed := `"passed"`
	if decision {
		req, err = http.NewRequest(http.MethodGet, r.api+"/decide", nil)
		req.Header.Set("X-Original-URI", call)
		passed = `"errcode":0`
	}
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	switch {
	case err != nil:
		return err
	case strings.Contains(string(text), passed):
		r.passed.Add(1)
		if !r.mayPass(began) {
			return fmt.Errorf("a call that began in phase %d passed", began)
		}
	case strings.Contains(string(text), `"errcode":85105`):
		r.refused.Add(1)
	default:
		return fmt.Errorf("answer %s", text)
	}
	return nil
}

// TestClosingStopsCalls opens and closes the switch again and again under as
// many calls, and questions about calls, as the machine makes: none passes that
// began after a close was answered, and the upstream sees none.
//
// Proves: UT-15, CC-2, CC-7
func TestClosingStopsCalls(t *testing.T) {
	r := &race{T: t}
	upstream := httptest.NewServer(http.HandlerFunc(r.upstream))
	t.Cleanup(upstream.Close)
	b := startBench(t)
	token := b.authorizerToken()
	if err := b.node.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.cfg.Upstream = upstream.URL
	b.cfg.Log = node.Default().Log // a line for each refused call would be most of the work
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	cloudbase, err := b.admin().CloudbaseToken(t.Context(), "slow-env")
	if err != nil {
		t.Fatal(err)
	}
	r.api, r.calls = b.node.APIURL(), "/wxa/x?cloudbase_access_token="+cloudbase.Token+"&phase="
	version := 0
	set := func(open bool) {
		version += 2
		body, _ := json.Marshal(map[string]any{
			"action": "set", "env": "slow-env", "open": open, "api_whitelist": []string{"/wxa/*"}, "version": version,
		})
		var answer tcb.Status
		ask(t, b.node.APIURL()+"/tcb/usecloudaccesstoken?access_token="+token, string(body), &answer)
		if answer.ErrCode != 0 {
			t.Fatalf("set: %+v", answer)
		}
	}
	set(true)
	begin := time.Now()
	stop := r.hammer(32)
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		set(false)
		r.phase.Add(1)
		time.Sleep(50 * time.Millisecond)
		r.phase.Add(1)
		set(true)
	}
	stop()
	passed, refused := r.passed.Load(), r.refused.Load()
	t.Logf("%d calls passed, %d were refused: %.0f a second", passed, refused, float64(passed+refused)/time.Since(begin).Seconds())
	if passed == 0 || refused == 0 {
		t.Error("the race was none")
	}
}

// hammer makes calls from so many callers, half of whom only ask, until it is
// stopped.
func (r *race) hammer(callers int) (stop func()) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := r.call(client, i%2 == 0); err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	return func() {
		close(done)
		all.Wait()
		client.CloseIdleConnections()
	}
}
