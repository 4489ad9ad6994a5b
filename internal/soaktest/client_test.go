//go:build linux

package soaktest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// client is a client of the wire with one token. Its calls end in one of four
// ways: nil (answered, done), *refusal (answered, refused), *fault (answered
// in a way that the contract does not know), any other error: not answered, so
// that the call may or may not have been done.
type client struct {
	base  string
	token string
	http  *http.Client
}

// newClient makes a client that keeps its connections alive.
func newClient(base, token string) *client {
	return &client{base: base, token: token, http: &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, // of a server's own certificate
		},
		Timeout: time.Minute,
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// as is the same client with another token.
func (c *client) as(token string) *client { return &client{base: c.base, token: token, http: c.http} }

// refusal is an answer that is not a success: an errcode, or the code of the
// upload's envelope.
type refusal struct {
	code tcb.Code
	name string // of the upload's envelope
	text string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: %d%s: %s", r.code, r.name, r.text) }

// fault is an answer that breaks the contract.
type fault struct{ text string }

func (f *fault) Error() string { return f.text }

// refused is the errcode of a call that was answered with a refusal.
func refused(err error) (tcb.Code, bool) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return 0, false
	}
	return r.code, true
}

// unanswered reports whether a call's fate is unknown.
func unanswered(err error) bool {
	_, isRefusal := errors.AsType[*refusal](err)
	_, isFault := errors.AsType[*fault](err)
	return err != nil && !isRefusal && !isFault
}

// call makes one API call, with in as its JSON body unless it is nil.
func (c *client) call(path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return &fault{err.Error()}
		}
	}
	status, answer, err := c.post(path+"?access_token="+url.QueryEscape(c.token), nil, body)
	if err != nil {
		return err
	}
	return decode(status, answer, out)
}

// post sends a body. Headers may be nil.
func (c *client) post(path string, header http.Header, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, &fault{"cannot make a request"}
	}
	if header != nil {
		req.Header, req.Host = header, header.Get("Host")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, errors.Unwrap(err) // without the address, which holds the token
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// decode reads an answer of the API (EN-1, EN-3, EN-4).
func decode(status int, answer []byte, out any) error {
	var head tcb.Status
	if err := json.Unmarshal(answer, &head); err != nil || status != http.StatusOK {
		return &fault{fmt.Sprintf("status %d: %.300q", status, answer)}
	}
	if head.ErrCode != tcb.OK {
		return &refusal{code: head.ErrCode, text: head.ErrMsg}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return &fault{fmt.Sprintf("%v: %.300q", err, answer)}
	}
	return nil
}

// codeSecret asks for the code protection key.
func (c *client) codeSecret() (string, error) {
	var answer tcb.GetCodeSecretResponse
	err := c.call("/tcb/getcodesecret", nil, &answer)
	if err == nil && len(answer.CodeSecret) != 64 {
		err = &fault{"a code protection key that has not 64 characters"}
	}
	return answer.CodeSecret, err
}

// permission is what an environment allows.
type permission struct {
	open    bool
	list    []string
	version int64
}

func (c *client) permission(env string) (permission, error) {
	var answer tcb.UseCloudAccessTokenResponse
	err := c.call("/tcb/usecloudaccesstoken", tcb.UseCloudAccessTokenRequest{Action: ptr("get"), Env: &env}, &answer)
	if err != nil {
		return permission{}, err
	}
	if answer.APIWhitelist == nil || answer.Version == nil {
		return permission{}, &fault{"a get without api_whitelist or version"}
	}
	return permission{answer.Open, *answer.APIWhitelist, *answer.Version}, nil
}

func (c *client) setPermission(env string, p permission) error {
	if p.list == nil {
		p.list = []string{}
	}
	return c.call("/tcb/usecloudaccesstoken", tcb.UseCloudAccessTokenRequest{
		Action: ptr("set"), Env: &env, Open: &p.open, APIWhitelist: &p.list, Version: ptr(tcb.Integer(p.version)),
	}, nil)
}

func (c *client) createFunction(env, name string) error {
	return c.call("/tcb/createfunction", tcb.CreateFunctionRequest{Env: &env, FunctionName: &name}, nil)
}

// functions lists the names of all functions of an environment.
func (c *client) functions(env string) (map[string]bool, error) {
	names := map[string]bool{}
	for {
		var page tcb.ListFunctionsResponse
		req := tcb.ListFunctionsRequest{Env: &env, Limit: ptr(tcb.Integer(20)), Offset: ptr(tcb.Integer(len(names)))}
		if err := c.call("/tcb/listfunctions", req, &page); err != nil {
			return nil, err
		}
		before := len(names)
		for _, f := range page.Functions {
			names[f.Name] = true
		}
		if len(names) != before+len(page.Functions) {
			return nil, &fault{"listfunctions names a function twice"}
		}
		if len(page.Functions) < 20 {
			if int64(len(names)) != page.TotalCount {
				return nil, &fault{fmt.Sprintf("total_count %d, and %d functions", page.TotalCount, len(names))}
			}
			return names, nil
		}
	}
}

func ptr[T any](v T) *T { return &v }
