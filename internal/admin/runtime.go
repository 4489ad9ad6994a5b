package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Runtime is what an environment's runtime runs. APIURL is where its code reaches the
// interfaces.
type Runtime struct {
	Items  []cloud.RuntimeFunction `json:"items"`
	APIURL string                  `json:"api_url"`
}

// maxWait is how long a request may wait for a change.
const maxWait = 30 * time.Second

// runtime answers what an environment's runtime runs. A request that has it already is
// answered 304, at once or when it has waited for a change (RT-2).
func (s *Server) runtime(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var wait time.Duration
	if err := (parameters{"wait": span(&wait, maxWait)}).read(r); err != nil {
		return nil, err
	}
	if wait == 0 || r.Header.Get("If-None-Match") == "" {
		return s.runtimeNow(w, r, c)
	}
	waiter, err := s.cloud.WaitForRuntime(r.Context(), r.PathValue("environment"))
	if err != nil {
		if cloud.KindOf(err) == cloud.LimitReached {
			s.waits.Inc()
		}
		return nil, err
	}
	defer waiter.End()
	late, ending := time.NewTimer(wait), s.waiting.ending()
	defer late.Stop()
	for {
		changed := waiter.Changed()
		v, err := s.runtimeNow(w, r, c)
		if _, same := v.(notModified); !same {
			return v, err
		}
		select {
		case <-changed:
			if c, err = s.runtimeCaller(r, c.RID, toReadSecret); err != nil { // perhaps it was revoked
				return nil, err
			}
		case <-late.C:
			return v, nil
		case <-ending:
			return v, nil
		}
	}
}

// runtimeNow answers what the environment's runtime runs now, or notModified if the
// request has it.
func (s *Server) runtimeNow(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	items, err := s.cloud.RuntimeFunctions(r.Context(), c, r.PathValue("environment"))
	if err != nil {
		return nil, err
	}
	// Of several servers each has a listener of its own, and the same tag.
	text, err := json.Marshal(Runtime{items, s.public})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	known := strings.FieldsFunc(r.Header.Get("If-None-Match"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.ContainsFunc(known, func(has string) bool { return strings.TrimPrefix(has, "W/") == tag }) {
		return notModified{}, nil
	}
	return Runtime{items, s.apiURL}, nil
}

// runtimeCode streams the code of a function that has the sum that is asked for (RT-3).
func (s *Server) runtimeCode(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var sum string
	if err := (parameters{"sum": text(&sum)}).read(r); err != nil {
		return nil, err
	}
	if sum == "" {
		return nil, cloud.RefusedMember("sum", "sum must be the SHA-256 of the code, as the list of functions has it")
	}
	code, err := s.cloud.RuntimeCode(r.Context(), c, r.PathValue("environment"), r.PathValue("function_name"), sum)
	if err != nil {
		return nil, err
	}
	return s.sendCode(w, code)
}

// Runtime returns what an environment's runtime runs, and the tag that this has. With
// the tag of what the caller has it waits that long for something else, at most 30 s, and
// returns nil if nothing comes.
func (c *Client) Runtime(ctx context.Context, env, tag string, wait time.Duration) (*Runtime, string, error) {
	path := environmentPath(env, "/runtime")
	header := http.Header{}
	if tag != "" {
		path += "?wait=" + wait.String()
		header.Set("If-None-Match", tag)
	}
	resp, err := c.request(ctx, "GET", path, content{}, header)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified {
		return nil, tag, nil
	}
	v := &Runtime{}
	return v, resp.Header.Get("ETag"), c.decode(resp, v)
}

// RuntimeCode writes the code of a function to w, if that sum is still its own. With an
// error, what was written is not the code.
func (c *Client) RuntimeCode(ctx context.Context, env, name, sum string, w io.Writer) error {
	return c.download(ctx, environmentPath(env, "/runtime/functions/"+url.PathEscape(name)+"/code?sum="+url.QueryEscape(sum)), "", w)
}

// waits are the requests that wait for a change.
type waits struct {
	mu    sync.Mutex
	end   chan struct{} // closed when those that wait now are to be answered
	ended bool          // nothing waits any more
}

// ending returns a channel that is closed when whoever waits from now on is to be
// answered.
func (w *waits) ending() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == nil {
		w.end = make(chan struct{})
	}
	return w.end
}

// answer ends the waits of now, and with forever all later ones too.
func (w *waits) answer(forever bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end != nil && !w.ended {
		close(w.end)
		w.end = nil
	}
	if forever && !w.ended {
		w.ended, w.end = true, make(chan struct{})
		close(w.end)
	}
}

// EndWaits has those answered who wait for a change, and nobody wait any more,
// since the server ends.
func (s *Server) EndWaits() { s.waiting.answer(true) }

// AnswerWaits has those answered who wait for a change now.
func (s *Server) AnswerWaits() { s.waiting.answer(false) }
