package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config is what an Invoker works with.
type Config struct {
	// Runtime is the server's runtime, for environments that have none of their
	// own; "": there is none.
	Runtime string
	// Secret is what the runtimes know the server by; "": they are not told.
	Secret string
	// Timeout is how long a call waits for its result. The function goes on after it.
	Timeout time.Duration
	// AtOnce is how many functions of one environment may run at once.
	AtOnce int
}

// Call is one function to be run.
type Call struct {
	Runtime  string // the environment's own; "": Config's
	AppID    string // whose environment it is
	Env      string
	Function string
	Sum      string // SHA-256 of its code in hex, as the server knows it
	RID      string // id of the request
	Event    []byte // JSON
}

// source is where calls by the interface come from, as the code sees it (IV-4).
const source = "wx_http"

const (
	dialTime = 2 * time.Second
	idleMost = 256
	// idleTime is shorter than the time after which Node.js and others close an idle
	// connection: a call that meets that moment would fail for it.
	idleTime = 3 * time.Second
	// maxHeader bounds the header of an answer: a runtime may be the environment's own.
	maxHeader = 64 << 10
)

// Invoker has functions run. It is safe for concurrent use.
type Invoker struct {
	cfg       Config
	slots     slots
	transport *http.Transport
}

// New returns an Invoker; Close gives up its connections.
func New(cfg Config) *Invoker {
	dialer := net.Dialer{Timeout: min(dialTime, cfg.Timeout)}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &Invoker{
		cfg: cfg, slots: slots{most: cfg.AtOnce, taken: map[string]int{}},
		transport: &http.Transport{
			DialContext: dialer.DialContext, Protocols: &protocols, DisableCompression: true,
			TLSHandshakeTimeout: dialTime, MaxIdleConns: idleMost, MaxIdleConnsPerHost: idleMost,
			IdleConnTimeout: idleTime, MaxResponseHeaderBytes: maxHeader,
		},
	}
}

// Close closes connections that carry no call.
func (i *Invoker) Close() { i.transport.CloseIdleConnections() }

// UnderWay returns how many calls wait for a function now, and how many of one
// environment may.
func (i *Invoker) UnderWay() (now, most int) { return i.slots.underWay(), i.slots.most }

// Run has a function run and returns its result, which is JSON. Any other end is a
// *Failure, which wraps context.Canceled if ctx ended by that: the function goes on.
func (i *Invoker) Run(ctx context.Context, c Call) ([]byte, error) {
	if c.Runtime == "" {
		c.Runtime = i.cfg.Runtime
	}
	if c.Runtime == "" {
		return nil, &Failure{Reason: Unreachable, Message: "the environment has no runtime"}
	}
	if !i.slots.take(c.Env) {
		return nil, &Failure{
			Reason: Busy, Message: fmt.Sprintf("%d functions of the environment run already: try again", i.slots.most),
		}
	}
	defer i.slots.give(c.Env)
	within, cancel := context.WithTimeout(ctx, i.cfg.Timeout)
	defer cancel()
	result, err := i.exchange(within, c)
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return nil, &Failure{Reason: Unreachable, Message: "the caller went away", Err: ctx.Err()}
	case within.Err() != nil:
		return nil, &Failure{Reason: Unanswered, Message: fmt.Sprintf("no result within %v", i.cfg.Timeout)}
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return nil, f
	}
	return nil, &Failure{Reason: Unreachable, Message: "the runtime does not answer", Err: err}
}

// exchange sends an event and reads the answer. A redirect is an answer like others.
func (i *Invoker) exchange(ctx context.Context, c Call) ([]byte, error) {
	address := strings.TrimRight(c.Runtime, "/") + "/invoke/" + url.PathEscape(c.Env) + "/" + url.PathEscape(c.Function)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(c.Event))
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Content-Type":           {"application/json"},
		"User-Agent":             {"opentcb"},
		"X-Wx-Appid":             {c.AppID},
		"X-Wx-Env":               {c.Env},
		"X-Wx-Source":            {source},
		"X-Opentcb-Rid":          {c.RID},
		"X-Opentcb-Function-Sum": {c.Sum},
	}
	if i.cfg.Secret != "" {
		req.Header["Authorization"] = []string{"Bearer " + i.cfg.Secret}
	}
	resp, err := i.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return read(resp)
}
