package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Platform implements cloud.Store.
func (s *Store) Platform(ctx context.Context, appid string) (cloud.Platform, error) {
	p := cloud.Platform{AppID: appid}
	var issued string
	var state switchState
	var limits limitsRow
	err := s.read(ctx).row(`SELECT secret_mac, fixed_ticket, issued, COALESCE(void_before, 0), open, disabled, a.mac, `+
		limitColumns+` FROM platforms p JOIN accounts a ON a.appid = p.appid
		LEFT JOIN platform_voids v ON v.appid = p.appid LEFT JOIN platform_limits l ON l.appid = p.appid
		WHERE p.appid = $1`, []any{appid}, append([]any{
		&p.SecretMAC, &p.FixedTicket, &issued, &p.VoidBefore, &state.open, &state.disabled, &state.mac,
	}, limits.fields()...)...)
	if err == nil {
		err = state.check(s.guard, appid)
	}
	if err == nil {
		p.Limits, err = limits.limits(s.guard, appid)
	}
	if err != nil {
		return cloud.Platform{}, err
	}
	p.Disabled = state.disabled != 0
	p.Issued, err = cloud.ParseIssues(issued)
	return p, err
}

// IssueComponentToken implements cloud.Store.
func (s *Store) IssueComponentToken(ctx context.Context,
	platform string, old, next cloud.Issues, rec cloud.Record) (bool, error) {
	return s.swap(ctx, platform, rec, "UPDATE platforms SET issued = $1 WHERE appid = $2 AND issued = $3",
		next.String(), platform, old.String())
}
