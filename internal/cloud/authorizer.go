package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/tcb"
)

// Authorizer is a Mini Program that authorizes a platform, as that platform sees it.
type Authorizer struct {
	AppID, Name, Principal string
	UserName               string // "gh_" and 12 hex digits, of the appid's own
	Since                  int64  // when it authorized the platform, Unix milliseconds
	RefreshToken           string // in force; of a list: "" where it cannot be told
	Sets                   []int
}

// AuthorizerRow is what is stored of an authorization in force.
type AuthorizerRow struct {
	AppID   string
	Epoch   int64
	Refresh RefreshToken // Sealed is "" if a server of before made it
}

// AuthorizerStore shows authorizations to the platforms that have them.
type AuthorizerStore interface {
	// Authorizers returns up to limit authorizations of a platform that are in force,
	// of Mini Programs in use, from offset on, in the order of epochs and appids; and
	// how many there are in all.
	Authorizers(ctx context.Context, platform string, offset, limit int64) ([]AuthorizerRow, int64, error)
}

const (
	actAuthorizerInfo = "api_get_authorizer_info"
	actAuthorizerList = "api_get_authorizer_list"
)

// Authorizer tells a platform of a Mini Program, with the refresh token in force
// (AI-2, AI-4). NotAuthorized, InvalidAppID, or RefreshTokenInvalid if that cannot be
// told.
func (s *Service) Authorizer(ctx context.Context, c Caller, platform, appid string) (Authorizer, error) {
	if err := isCaller(c, platform); err != nil {
		return Authorizer{}, err
	}
	c.AppID = appid
	a, err := s.authorizer(ctx, platform, appid)
	return a, s.recordOutcome(c, actAuthorizerInfo, "", err)
}

func (s *Service) authorizer(ctx context.Context, platform, appid string) (Authorizer, error) {
	a, err := s.authorization(ctx, reread, platform, appid)
	if err == nil {
		err = a.usable()
	}
	if err != nil {
		return Authorizer{}, notFoundAs(NotAuthorized, "", err)
	}
	t, err := s.store.RefreshToken(ctx, platform, appid, a.Epoch, a.RefreshMAC)
	if errors.Is(err, ErrNotFound) || err == nil && t.Sealed == "" {
		return Authorizer{}, Refused(RefreshTokenInvalid, "it cannot be told: "+
			"use the one that you have, or the next consent's")
	}
	if err != nil {
		return Authorizer{}, storeError("refresh token", err)
	}
	text, err := s.openRefreshToken(grantKey{platform, appid}, t)
	if err != nil {
		return Authorizer{}, err
	}
	account, err := s.account(ctx, appid)
	if err != nil {
		return Authorizer{}, notFoundAs(NotAuthorized, "", err)
	}
	return Authorizer{
		AppID: appid, Name: account.Name, Principal: account.Principal, UserName: userName(appid),
		Since: a.Epoch, RefreshToken: text, Sets: a.Sets,
	}, nil
}

// userName returns the name by which the real platform addresses an account: here one
// that is the same each time.
func userName(appid string) string {
	sum := sha256.Sum256([]byte("opentcb user_name " + appid))
	return "gh_" + hex.EncodeToString(sum[:6])
}

// Authorizers tells a platform which Mini Programs authorize it, by when they did
// (AI-3), and how many there are. TooManyAsked for a count over 500.
func (s *Service) Authorizers(
	ctx context.Context, c Caller, platform string, offset, count int64,
) ([]Authorizer, int64, error) {
	switch {
	case isCaller(c, platform) != nil:
		return nil, 0, isCaller(c, platform)
	case count > tcb.MaxAuthorizers:
		return nil, 0, Refused(TooManyAsked, fmt.Sprintf("count is at most %d", tcb.MaxAuthorizers))
	case count < 1:
		return nil, 0, Refused(InvalidArgs, "count is at least 1")
	case offset < 0:
		return nil, 0, Refused(InvalidArgs, "offset is at least 0")
	}
	rows, total, err := s.store.Authorizers(ctx, platform, offset, count)
	if err != nil {
		return nil, 0, storeError("list authorizers", err)
	}
	list := make([]Authorizer, len(rows))
	for i, row := range rows {
		list[i] = Authorizer{AppID: row.AppID, Since: row.Epoch}
		if row.Refresh.Sealed == "" {
			continue
		}
		if list[i].RefreshToken, err = s.openRefreshToken(grantKey{platform, row.AppID}, row.Refresh); err != nil {
			return nil, 0, err
		}
	}
	return list, total, s.recordOutcome(c, actAuthorizerList, "", nil)
}

// SetInfo is what is known of a permission set.
type SetInfo struct {
	Type       int
	Name, Desc string
}

var knownSets = map[int]SetInfo{
	18: {2, "开发管理与数据分析", "帮助小程序进行功能开发与数据分析"},
	49: {2, "云开发管理", "帮助小程序进行云开发管理"},
}

// KnownSet returns what is known of a permission set; nothing of most.
func KnownSet(id int) SetInfo { return knownSets[id] }

// StartPushTicket has a platform's verify ticket pushed now (AI-1), and reports
// whether an address had one in the last ten minutes. InvalidAppID, InvalidAppSecret.
func (s *Service) StartPushTicket(ctx context.Context, appid, secret, rid string) (arrives bool, err error) {
	p, err := s.platform(ctx, reread, appid)
	switch {
	case err != nil:
		return false, notFoundAs(InvalidAppID, "", err)
	case !s.ring.CheckMAC(appSecretPurpose, []string{p.AppID}, secret, p.SecretMAC):
		return false, Refused(InvalidAppSecret, "")
	case p.Disabled:
		return false, Refused(InvalidComponent, "")
	}
	c := s.caller(rid)
	c.Platform = appid
	at, err := s.store.TicketSent(ctx, appid)
	if err == nil {
		_, err = s.store.PushTickets(ctx, appid, c.record("api_start_push_ticket", ""))
		s.wakePushes()
	}
	if err != nil {
		return false, storeError("push a ticket", err)
	}
	return at > c.Now-ticketRenewal.Milliseconds(), nil
}
