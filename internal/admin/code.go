package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// MaxCode bounds a zip, in bytes.
const MaxCode = 64 << 20

// Code names stored code by the SHA-256 of its zip.
type Code struct {
	SHA256 string `json:"sha256"`
}

func (s *Server) deploy(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	u := cloud.CodeUpdate{Env: r.PathValue("environment"), Function: r.PathValue("function_name")}
	var install cloud.Maybe[bool]
	err := (parameters{"handler": text(&u.Handler), "install_dependency": truth(&install)}).read(r)
	if err != nil {
		return nil, err
	}
	u.InstallDependency = install.Value
	if u.Code, err = s.receive(w, r); err != nil {
		return nil, err
	}
	defer u.Code.Discard()
	sum, err := s.cloud.Deploy(r.Context(), c, u)
	return Code{sum}, err
}

func (s *Server) addCode(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	draft, err := s.receive(w, r)
	if err != nil {
		return nil, err
	}
	defer draft.Discard()
	sum, err := s.cloud.AddCode(r.Context(), c, draft)
	return Code{sum}, err
}

// receive writes the body, a zip, to a draft as it comes.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (blob.Draft, error) {
	large := &httpError{http.StatusRequestEntityTooLarge, tcb.InvalidArgs, "code is at most 64 MiB"}
	if r.ContentLength > MaxCode {
		return nil, large
	}
	draft, err := s.cloud.NewCode(r.Context())
	if err != nil {
		return nil, err
	}
	body := &bodyReader{r: http.MaxBytesReader(w, r.Body, MaxCode)}
	_, err = io.Copy(draft, body)
	if err == nil {
		return draft, nil
	}
	_ = draft.Discard()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, large
	}
	if body.err != nil {
		return nil, &httpError{http.StatusBadRequest, tcb.MalformedBody, "the code did not arrive whole"}
	}
	return nil, &cloud.Error{Kind: cloud.Unavailable, Err: err}
}

// bodyReader remembers whether it was the reading that failed.
type bodyReader struct {
	r   io.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// Deployment is an upload by the merchant's own developer.
type Deployment struct {
	Env, Function     string
	Handler           string // the function's entry point; "" if it has the usual one
	InstallDependency bool
}

// Deploy uploads a zip as the merchant's own developer and returns its
// checksum.
func (c *Client) Deploy(ctx context.Context, d Deployment, zip io.Reader) (Code, error) {
	var code Code
	query := url.Values{}
	if d.Handler != "" {
		query.Set("handler", d.Handler)
	}
	if d.InstallDependency {
		query.Set("install_dependency", "true")
	}
	path := environmentPath(d.Env, "/functions/"+url.PathEscape(d.Function)+"/code?"+query.Encode())
	err := c.call(ctx, "PUT", path, content{mime: "application/zip", r: zip}, &code)
	return code, err
}

// AddCode stores a zip for a world to name.
func (c *Client) AddCode(ctx context.Context, zip io.Reader) (Code, error) {
	var code Code
	err := c.call(ctx, "PUT", "/v1/code", content{mime: "application/zip", r: zip}, &code)
	return code, err
}
