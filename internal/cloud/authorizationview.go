package cloud

import (
	"context"
	"time"
)

// AuthorizationView is an authorization as the operator sees it.
type AuthorizationView struct {
	AppID          string    `json:"appid"`
	Platform       string    `json:"platform"`
	InForce        bool      `json:"in_force"` // it is not cancelled
	PermissionSets []int     `json:"permission_sets"`
	Since          time.Time `json:"since,omitzero"`         // when it was given; zero if a server of before did
	LastTokenAt    time.Time `json:"last_token_at,omitzero"` // when the latest access token was issued
}

// Key is the authorization's place in the list of all.
func (a AuthorizationView) Key() []string { return []string{a.AppID, a.Platform} }

// countingEpochs is below every epoch that is a time: servers of before counted how
// often an authorization was given.
const countingEpochs = 1e12

// View returns an authorization as the operator sees it.
func (a Authorization) View() AuthorizationView {
	v := AuthorizationView{AppID: a.AppID, Platform: a.Platform, InForce: a.InForce, PermissionSets: a.Sets}
	if a.Epoch > countingEpochs {
		v.Since = sinceEpoch(a.Epoch)
	}
	if n := len(a.Issued); n > 0 {
		v.LastTokenAt = sinceEpoch(a.Issued.made(n - 1))
	}
	return v
}

// AuthorizationFilter chooses authorizations. Members that are not given choose all.
type AuthorizationFilter struct {
	Platform, AppID Maybe[string]
	InForce         Maybe[bool]
}

// AuthorizationViewStore shows authorizations to the operator.
type AuthorizationViewStore interface {
	// Authorizations returns a page of those that the filter chooses, by appid and
	// platform, without what is said of the accounts and of the refresh token.
	Authorizations(ctx context.Context, f AuthorizationFilter, p Page) ([]Authorization, error)
}

// Authorizations returns a page of the list of authorizations (OP-4).
func (s *Service) Authorizations(ctx context.Context, f AuthorizationFilter, p Page) ([]AuthorizationView, error) {
	rows, err := s.store.Authorizations(ctx, f, p)
	if err != nil {
		return nil, storeError("list authorizations", err)
	}
	list := make([]AuthorizationView, len(rows))
	for i, a := range rows {
		list[i] = a.View()
	}
	return list, nil
}

// AuthorizationView returns an authorization, in force or cancelled: NotFound if a
// Mini Program never authorized the platform.
func (s *Service) AuthorizationView(ctx context.Context, platform, appid string) (AuthorizationView, error) {
	a, err := s.store.Authorization(ctx, platform, appid)
	if err != nil {
		return AuthorizationView{}, notFoundAs(NotFound, appid+" never authorized "+platform, err)
	}
	return a.View(), nil
}
