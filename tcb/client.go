package tcb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
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
// set calls the real platform. A Client is safe for concurrent use and is not
// changed after its first call.
type Client struct {
	// BaseURL is scheme and host: "" is DefaultBaseURL.
	BaseURL string
	// HTTP carries the calls; nil is a client that gives a call 30 s.
	HTTP *http.Client
	// Tokens gives the access token of the calls that need one.
	Tokens TokenSource
}

// TokenSource gives the access token that calls are made with. Tokens is one
// that renews by itself, StaticToken one that does not.
type TokenSource interface {
	// Token returns a token that is believed to be good.
	Token(ctx context.Context) (string, error)
	// Renew is called when the platform refused a token as false or expired.
	// It returns another one to try once more with, or an error if there is
	// none.
	Renew(ctx context.Context, refused string) (string, error)
}

// StaticToken is a token that was got elsewhere.
type StaticToken string

// Token returns it.
func (t StaticToken) Token(context.Context) (string, error) {
	if t == "" {
		return "", errors.New("no access token")
	}
	return string(t), nil
}

// Renew has no other.
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

// route is an interface: its path and the query parameter of its token, ""
// where it takes none.
type route struct{ path, parameter string }

func (r route) name() string { return r.path[strings.LastIndexByte(r.path, '/')+1:] }

func tcbRoute(name string) route { return route{"/tcb/" + name, "access_token"} }

func componentRoute(name string) route {
	return route{"/cgi-bin/component/" + name, "component_access_token"}
}

// call makes a call and decodes its answer. A token that the platform refuses
// is renewed once, and the call made once more with the same body.
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: the base URL cannot be used", r.name()) // the error would show the token
	}
	req.Header.Set("Content-Type", "application/json")
	status, text, err := c.send(req, maxAnswer)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name(), err)
	}
	return decode(r, status, text, answer)
}

// send carries out a request and returns status and body, of which it reads
// most bytes and one more. Its errors show no address: it holds the token.
func (c *Client) send(req *http.Request, most int64) (int, []byte, error) {
	resp, err := c.http().Do(req)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("the answer broke off: %w", withoutURL(err))
	}
	return resp.StatusCode, text, nil
}

// withoutURL takes the address out of an error of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// checked is an answer that can say what it lacks.
type checked interface {
	// lacks names a member that the interface promises and that is not there;
	// "" if all are.
	lacks() string
}

// decode reads an answer: a refusal becomes an Error, and what is no answer of
// the platform's an AnswerError.
func decode(r route, status int, text []byte, answer any) error {
	name := r.name()
	bad := func(reason string) error {
		return &AnswerError{Interface: name, Status: status, Reason: reason, Body: beginning(text)}
	}
	var head struct {
		ErrCode *Code  `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	switch {
	case len(text) > maxAnswer:
		return bad(fmt.Sprintf("is over %d bytes", maxAnswer))
	case len(bytes.TrimSpace(text)) == 0:
		return bad("is empty")
	case json.Unmarshal(text, &head) != nil:
		return bad("is not the JSON of this interface")
	case head.ErrCode != nil && *head.ErrCode != 0:
		return newError(name, *head.ErrCode, head.ErrMsg) // the platform's own refusal, whatever the status
	case status != http.StatusOK:
		return bad("has a status that the platform does not use")
	case head.ErrCode == nil && strings.HasPrefix(r.path, "/tcb/"):
		return bad("has no errcode")
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return bad("is not the JSON of this interface")
	}
	if a, ok := answer.(checked); ok && a.lacks() != "" {
		return &AnswerError{Interface: name, Status: status, Reason: "lacks " + a.lacks()} // the rest may hold a secret
	}
	return nil
}
