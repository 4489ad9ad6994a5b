package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/opentcb/opentcb/internal/words"
)

// Client calls the admin interface of a server.
type Client struct {
	URL   string // http://HOST:PORT
	Token string
	HTTP  *http.Client // default http.DefaultClient
}

// stay lets no request be redirected: it holds the admin token.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Refusal is an answer of the server that is no success.
type Refusal struct {
	Status  int
	Code    int // the errcode of the kind of fault
	Message string
	Member  string // what of the request is at fault; "" if that is not one member
	RID     string
	Faults  words.Faults // of a world file
}

// Error writes the message, and the faults a line each.
func (r *Refusal) Error() string {
	s := words.Printable(r.Message)
	for _, f := range r.Faults {
		s += "\n  " + words.Printable(f.String())
	}
	return s
}

// ForeignError is an answer that is not the admin interface's own: of a proxy in
// between, or of another server at that address.
type ForeignError struct {
	URL    string // that was asked
	Status string // such as "502 Bad Gateway"
	API    bool   // it is that of the interfaces
}

// Error names the address.
func (e *ForeignError) Error() string {
	if e.API {
		return fmt.Sprintf("%s is the API listener, where platforms call: the admin interface is at "+
			"the address after admin= in the first line of the server's output", e.URL)
	}
	return fmt.Sprintf("no OpenTCB answered at %s (%s): give the address after admin= in the first line of the server's output",
		e.URL, e.Status)
}

// content is the body of a request and its type; zero for none.
type content struct {
	mime   string
	r      io.Reader
	accept string // type of the answer; "": any
}

// call sends a request and decodes the answer into v, unless v is nil.
func (c *Client) call(ctx context.Context, method, path string, body content, v any) error {
	resp, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if v == nil {
		return nil
	}
	return c.decode(resp, v)
}

// ask is call with a value as JSON, unless it is nil; the answer is a T.
func ask[T any](ctx context.Context, c *Client, method, path string, value any) (answer T, err error) {
	var body content
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			return answer, err
		}
		body = content{mime: "application/json", r: bytes.NewReader(text)}
	}
	return answer, c.call(ctx, method, path, body, &answer)
}

// decode decodes an answer into v.
func (c *Client) decode(resp *http.Response, v any) error {
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return fmt.Errorf("the answer of %s is not what an admin interface says: %w", c.URL, err)
	}
	return nil
}

// do sends a request. An answer that is no success is a Refusal, or a
// ForeignError if it is not the admin interface's own.
func (c *Client) do(ctx context.Context, method, path string, body content) (*http.Response, error) {
	return c.request(ctx, method, path, body, http.Header{})
}

// request is do with a header. What is not modified is a success.
func (c *Client) request(
	ctx context.Context, method, path string, body content, header http.Header,
) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, body.r)
	if err != nil {
		return nil, err
	}
	req.Header = header
	if body.mime != "" {
		req.Header.Set("Content-Type", body.mime)
	}
	if body.accept != "" {
		req.Header.Set("Accept", body.accept)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = stay
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode < 300 || resp.StatusCode == http.StatusNotModified {
		return resp, err
	}
	defer resp.Body.Close()
	var answer struct {
		ErrorBody
		Errcode int `json:"errcode"` // only the interfaces have it
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer)
	e := answer.Error
	if err != nil || e.Message == "" || e.RID == "" { // whatever its status: a proxy has all of them too
		return nil, &ForeignError{strings.TrimSuffix(c.URL, "/"), resp.Status, answer.Errcode != 0}
	}
	return nil, &Refusal{resp.StatusCode, e.Code, e.Message, e.Member, e.RID, e.Faults}
}

// download writes what is at a path to w, in the type accept, if that is not "".
func (c *Client) download(ctx context.Context, path, accept string, w io.Writer) error {
	resp, err := c.do(ctx, "GET", path, content{accept: accept})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
