package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// miniPrograms selects Mini Programs, and counts what is below each by the
// beginning of a primary key.
const miniPrograms = `SELECT a.appid, a.cloud,
		(SELECT count(*) FROM environments e WHERE e.account = a.appid),
		(SELECT count(*) FROM functions f WHERE f.account = a.appid),
		(SELECT count(*) FROM authorizations z WHERE z.appid = a.appid),
		(SELECT count(*) FROM authorizations z WHERE z.appid = a.appid AND z.in_force)
	FROM accounts a WHERE NOT a.is_platform`

func miniProgramFields(m *cloud.MiniProgram) []any {
	c := &m.Counts
	return []any{&m.AppID, &m.Cloud, &c.Environments, &c.Functions, &c.Authorizations, &c.InForce}
}

// MiniProgram implements cloud.Store.
func (s *Store) MiniProgram(ctx context.Context, appid string) (cloud.MiniProgram, error) {
	var m cloud.MiniProgram
	err := s.read(ctx).row(miniPrograms+" AND a.appid = $1", []any{appid}, miniProgramFields(&m)...)
	return m, err
}

// MiniPrograms implements cloud.Store.
func (s *Store) MiniPrograms(
	ctx context.Context, f cloud.MiniProgramFilter, p cloud.Page,
) ([]cloud.MiniProgram, error) {
	var sel selection
	if f.Cloud.Given {
		sel.add("a.cloud = $", f.Cloud.Value)
	}
	query, args := sel.page(miniPrograms, p, "a.appid")
	return collect(s.read(ctx), miniProgramFields, query, args...)
}
