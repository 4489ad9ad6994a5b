package tcb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultBaseURL is the real platform.
const DefaultBaseURL = "https://api.weixin.qq.com"

const (
	defaultTimeout = 30 * time.Second // of one call
	maxAnswer      = 4 << 20          // bytes: the longest whitelist takes a quarter of a MiB
)

// Client calls the interfaces for one platform and one Mini Program, or with a
// component_access_token for the platform itself. The zero value with Tokens
// set calls the real platform. Its fields must not change after the first call;
// a Client is safe for concurrent use.
//
// A method returns the members of a successful answer. If the platform refuses
// the call, the error is an *Error with its code; if the answer is not the
// platform's, an *AnswerError; other errors are the network's, the context's or
// those of Tokens. No error shows a token.
//
// A connection that ends before the whole answer is a net.Error, io.EOF or
// io.ErrUnexpectedEOF: whether the call was carried out is not known. What a server
// over HTTP/2 says it has not begun (a stream that it refuses, or after the last one
// of its GOAWAY) net/http sends again by itself where it can; where it cannot, the
// error is one of these.
type Client struct {
	// BaseURL is scheme and host; "" is DefaultBaseURL.
	BaseURL string
	// HTTP carries the calls; nil is a client that gives a call 30 s. Calls are
	// never redirected, whatever its CheckRedirect says.
	HTTP *http.Client
	// Tokens gives the access token of the calls that need one.
	Tokens TokenSource
	// UploadURL is scheme and host to which uploads are sent; "" is the host that
	// their signature names, or BaseURL if that is the same host.
	UploadURL string
}

// TokenSource gives the access token that calls are made with: Tokens renews
// itself, StaticToken does not.
type TokenSource interface {
	// Token returns a token that is believed to be valid.
	Token(ctx context.Context) (string, error)
	// Renew is called when the platform refused a token as invalid or expired.
	// It returns another token for one retry, or an error if there is none.
	Renew(ctx context.Context, refused string) (string, error)
}

// StaticToken is a token that was obtained elsewhere.
type StaticToken string

// Token returns t, or an error if it is empty.
func (t StaticToken) Token(context.Context) (string, error) {
	if t == "" {
		return "", errors.New("no access token")
	}
	return string(t), nil
}

// Renew returns an error: there is no other token.
func (t StaticToken) Renew(context.Context, string) (string, error) {
	return "", errors.New("the access token was given and cannot be renewed")
}

var defaultHTTP = &http.Client{Timeout: defaultTimeout}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return defaultHTTP
}

func (c *Client) base() string {
	if c.BaseURL == "" {
		return DefaultBaseURL
	}
	return strings.TrimRight(c.BaseURL, "/")
}

// route is an interface: its path and the query parameter of its token, "" if
// it takes none; query are parameters beside that.
type route struct {
	path, parameter string
	query           url.Values
}

// name is how errors call the interface: by the end of its path.
func (r route) name() string {
	dir, name := path.Split(r.path)
	if name == "get" || name == "v2" { // which say too little
		name = path.Base(dir) + "/" + name
	}
	return name
}

func tcbRoute(name string) route { return route{path: "/tcb/" + name, parameter: "access_token"} }

func componentRoute(name string) route {
	return route{path: "/cgi-bin/component/" + name, parameter: "component_access_token"}
}

// call makes a call and decodes its answer. If the platform refuses the token,
// the token is renewed and the call is retried once with the same body.
func (c *Client) call(ctx context.Context, r route, request, answer any) error {
	body := []byte("{}")
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
	}
	if r.parameter == "" {
		return c.post(ctx, r, "", body, answer)
	}
	if c.Tokens == nil {
		return fmt.Errorf("%s: the client has no Tokens", r.name())
	}
	token, err := c.Tokens.Token(ctx)
	if err != nil {
		return fmt.Errorf("%s: access token: %w", r.name(), err)
	}
	refusal := c.post(ctx, r, token, body, answer)
	if !isStaleToken(refusal) {
		return refusal
	}
	another, err := c.Tokens.Renew(ctx, token)
	if err != nil || another == token {
		return refusal
	}
	return c.post(ctx, r, another, body, answer)
}

// post sends a body and decodes the answer.
func (c *Client) post(ctx context.Context, r route, token string, body []byte, answer any) error {
	address := c.base() + r.path
	if r.parameter != "" {
		address += "?" + r.parameter + "=" + url.QueryEscape(token)
	}
	if len(r.query) > 0 {
		address += "&" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: the base URL cannot be used", r.name()) // the error would show the token
	}
	req.Header.Set("Content-Type", "application/json")
	status, text, err := send(c.http(), r, req)
	if err != nil {
		return err
	}
	return decode(r, status, text, answer)
}

// send carries out a call and returns status and body, of which it reads
// maxAnswer bytes and one more. Its errors show no address, which holds the
// token.
func send(h *http.Client, r route, req *http.Request) (int, []byte, error) {
	resp, err := do(forCalls(h), req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", r.name(), err)
	}
	defer resp.Body.Close()
	if reason := redirected(resp); reason != "" {
		return 0, nil, &AnswerError{Interface: r.name(), Status: resp.StatusCode, Reason: reason}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("%s: the answer broke off: %w", r.name(), brokenOff(err))
	}
	return resp.StatusCode, text, nil
}

// do is client.Do, whose errors show no address. Where a connection that had the
// call ends before an answer begins, the error is brokenOff: net/http gives errors
// of its own there, of types that it does not export.
func do(client *http.Client, req *http.Request) (*http.Response, error) {
	var waiting atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn:              func(string) { waiting.Store(false) },
		GotConn:              func(httptrace.GotConnInfo) { waiting.Store(true) },
		GotFirstResponseByte: func() { waiting.Store(false) },
	})
	resp, err := client.Do(req.WithContext(ctx))
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if err != nil && waiting.Load() {
		err = brokenOff(err)
	}
	return resp, err
}

// brokenOff returns an error of a connection that ended. Over HTTP/2 it is
// io.ErrUnexpectedEOF too, as it may be without, whatever ended the stream.
func brokenOff(err error) error {
	_, network := errors.AsType[net.Error](err)
	if network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", err, io.ErrUnexpectedEOF)
}

// maxRedirects is how often a download is led on.
const maxRedirects = 10

// forCalls returns a client whose calls are never led elsewhere: their address
// and body hold secrets, which are for the platform alone.
func forCalls(h *http.Client) *http.Client {
	c := *h
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// forDownloads returns a client whose downloads may be led on, to a bucket for
// instance, but not from https to http, and without a word of where they come
// from: the address of a link opens the code.
func forDownloads(h *http.Client) *http.Client {
	c := *h
	c.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		next.Header.Del("Referer")
		switch from := before[len(before)-1].URL; {
		case len(before) >= maxRedirects:
			return errors.New("the link leads on and on")
		case from.Scheme == "https" && next.URL.Scheme != "https":
			return errors.New("the link leads from https to " + next.URL.Scheme)
		}
		return nil
	}
	return &c
}

// redirected describes an answer that leads elsewhere; "" if it does not. Of
// the place it shows the host, since the rest may hold a token.
func redirected(resp *http.Response) string {
	place := resp.Header.Get("Location")
	if resp.StatusCode/100 != 3 || place == "" {
		return ""
	}
	reason := "leads elsewhere"
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		reason = "leads to " + strconv.Quote(u.Scheme+"://"+u.Host)
	}
	return reason + ": a call is not sent on, since it holds secrets; is the base URL right?"
}
