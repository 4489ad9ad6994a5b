package admin

import (
	"errors"
	"io"
	"net/http"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// Ticket is a platform's current verify ticket.
type Ticket struct {
	Ticket string `json:"ticket"`
}

func (s *Server) ticket(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	t, err := s.cloud.Ticket(r.Context(), c, r.PathValue("platform"))
	return Ticket{t}, err
}

// Consent is what a merchant grants a platform.
type Consent struct {
	PermissionSets []int `json:"permission_sets"`
}

// AuthorizationCode is what a consent gives the platform. ExpiresIn is in
// seconds.
type AuthorizationCode struct {
	AuthorizationCode string `json:"authorization_code"`
	ExpiresIn         int64  `json:"expires_in"`
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var consent Consent
	if err := readJSON(w, r, maxConsent, &consent); err != nil {
		return nil, err
	}
	t, err := s.cloud.Authorize(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"), consent.PermissionSets)
	return AuthorizationCode{t.Value, int64(t.Life.Seconds())}, err
}

func (s *Server) revoke(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.Revoke(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"))
}

// Code names stored code by the SHA-256 of its zip.
type Code struct {
	SHA256 string `json:"sha256"`
}

func (s *Server) deploy(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	draft, err := s.receive(w, r)
	if err != nil {
		return nil, err
	}
	defer draft.Discard()
	sum, err := s.cloud.Deploy(r.Context(), c, r.PathValue("environment"), r.PathValue("function"), draft)
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
	if r.ContentLength > maxCode {
		return nil, large
	}
	draft, err := s.cloud.NewCode(r.Context())
	if err != nil {
		return nil, err
	}
	body := &bodyReader{r: http.MaxBytesReader(w, r.Body, maxCode)}
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
