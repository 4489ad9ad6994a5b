package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// ConsentCode is what a merchant consents with on the consent page. Code is there in
// the answer that makes it, and never again.
type ConsentCode struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // absent: it does not
	Code      string    `json:"code,omitempty"`
}

func newConsentCode(c cloud.ConsentCode, code string) ConsentCode {
	made := ConsentCode{ID: c.ID, CreatedAt: time.UnixMilli(c.CreatedAt).UTC(), Code: code}
	if c.ExpiresAt != 0 {
		made.ExpiresAt = time.UnixMilli(c.ExpiresAt).UTC()
	}
	return made
}

// NewConsentCode is what a code is to be. ExpiresIn is in seconds, 0 for ever.
type NewConsentCode struct {
	ExpiresIn int64 `json:"expires_in,omitempty"`
}

// ConsentCodes are all codes of a Mini Program, by when they were made.
type ConsentCodes struct {
	Items []ConsentCode `json:"items"`
}

func (s *Server) makeConsentCode(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var wanted NewConsentCode
	if err := readChange(w, r, &wanted); err != nil {
		return nil, err
	}
	code, row, err := s.cloud.MakeConsentCode(r.Context(), c, r.PathValue("appid"), wanted.ExpiresIn)
	return put(newConsentCode(row, code), true), err
}

func (s *Server) consentCodes(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	all, err := s.cloud.ConsentCodes(r.Context(), r.PathValue("appid"))
	list := ConsentCodes{Items: make([]ConsentCode, len(all))}
	for i, c := range all {
		list.Items[i] = newConsentCode(c, "")
	}
	return list, err
}

// revokeConsentCodes revokes the code that the path names, and all where it names none.
func (s *Server) revokeConsentCodes(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RevokeConsentCodes(r.Context(), c, r.PathValue("appid"), r.PathValue("id"))
}

func consentCodesPath(appid string) string {
	return "/v1/miniprograms/" + url.PathEscape(appid) + "/consent-codes"
}

// MakeConsentCode makes a code of a Mini Program that is good for so long, 0 for ever.
func (c *Client) MakeConsentCode(ctx context.Context, appid string, life time.Duration) (ConsentCode, error) {
	return ask[ConsentCode](ctx, c, "POST", consentCodesPath(appid), NewConsentCode{ExpiresIn: int64(life.Seconds())})
}

// ConsentCodes returns the codes of a Mini Program.
func (c *Client) ConsentCodes(ctx context.Context, appid string) (ConsentCodes, error) {
	return ask[ConsentCodes](ctx, c, "GET", consentCodesPath(appid), nil)
}

// RevokeConsentCodes revokes the code of that id, "" for all.
func (c *Client) RevokeConsentCodes(ctx context.Context, appid, id string) error {
	path := consentCodesPath(appid)
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return c.call(ctx, "DELETE", path, content{}, nil)
}
