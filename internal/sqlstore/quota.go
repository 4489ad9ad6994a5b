package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// limitsRow is what is stored of a platform's limits.
type limitsRow struct {
	quotas, list, mac string
	from              int64
}

// limitColumns are those of platform_limits l, which may not be there.
const limitColumns = "COALESCE(l.quotas, ''), COALESCE(l.ip_whitelist, ''), COALESCE(l.counted_from, 0), COALESCE(l.mac, '')"

func (r *limitsRow) fields() []any { return []any{&r.quotas, &r.list, &r.from, &r.mac} }

// limits returns the limits of a platform; nil if there are none.
func (r *limitsRow) limits(g *guard, appid string) (*cloud.Limits, error) {
	if r.quotas == "" {
		return nil, nil
	}
	if err := g.check(grantedCalls, r.mac, appid, r.quotas, r.list); err != nil {
		return nil, err
	}
	l := &cloud.Limits{CountedFrom: r.from}
	return l, errors.Join(json.Unmarshal([]byte(r.quotas), &l.Quotas), json.Unmarshal([]byte(r.list), &l.IPWhitelist))
}

// Limits implements cloud.Store.
func (s *Store) Limits(ctx context.Context, platform string) (cloud.Limits, error) {
	return s.read(ctx).limits(s.guard, platform)
}

func (s *statements) limits(g *guard, platform string) (cloud.Limits, error) {
	var row limitsRow
	err := s.row("SELECT "+limitColumns+" FROM platform_limits l WHERE l.appid = $1", []any{platform}, row.fields()...)
	if errors.Is(err, cloud.ErrNotFound) {
		return cloud.Limits{}, nil
	}
	if err != nil {
		return cloud.Limits{}, err
	}
	l, err := row.limits(g, platform)
	if err != nil {
		return cloud.Limits{}, err
	}
	return *l, nil
}

// changeLimits changes the limits of a platform that are as they were decided on.
func (t *tx) changeLimits(appid string, old, next cloud.Limits) error {
	now, err := t.limits(t.guard, appid)
	switch {
	case err != nil:
		return err
	case !now.Equal(old) || now.CountedFrom != old.CountedFrom:
		return cloud.ErrStale
	case next.Equal(old):
		return nil
	case next.IsZero():
		return t.one("DELETE FROM platform_limits WHERE appid = $1", appid)
	}
	quotas := next.Quotas.String()
	list, err := json.Marshal(next.IPWhitelist)
	if err != nil {
		return err
	}
	return t.one(`INSERT INTO platform_limits (appid, quotas, ip_whitelist, counted_from, mac) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (appid) DO UPDATE SET quotas = excluded.quotas, ip_whitelist = excluded.ip_whitelist,
			counted_from = excluded.counted_from, mac = excluded.mac`,
		appid, quotas, string(list), next.CountedFrom, t.guard.vouch(grantedCalls, appid, quotas, string(list)))
}

// ClearQuota implements cloud.Store.
func (s *Store) ClearQuota(ctx context.Context, platform string, month, most int64, rec cloud.Record) (bool, error) {
	err := s.writer.writeFor(ctx, platform, func(t *tx) error {
		if err := t.lockAccount(platform); err != nil {
			return err
		}
		err := t.one(`INSERT INTO quota_clears (platform, month, clears) VALUES ($1, $2, 1)
			ON CONFLICT (platform) DO UPDATE SET month = excluded.month,
				clears = CASE WHEN quota_clears.month = excluded.month THEN quota_clears.clears + 1 ELSE 1 END
			WHERE quota_clears.month <> excluded.month OR quota_clears.clears < $3`, platform, month, most)
		if err != nil {
			return err
		}
		t.record(rec)
		_, err = t.exec(`UPDATE platform_limits
			SET counted_from = CASE WHEN counted_from < $1 THEN $1 ELSE counted_from + 1 END WHERE appid = $2`, rec.At, platform)
		return err
	})
	if errors.Is(err, cloud.ErrStale) {
		return false, nil
	}
	return err == nil, err
}

// PutQuotaCounts implements cloud.Store.
func (s *Store) PutQuotaCounts(ctx context.Context, counts []cloud.QuotaCounts) error {
	return s.bulkWriter.write(ctx, func(t *tx) error {
		for _, c := range counts {
			text, err := json.Marshal(c.Counts)
			if err != nil {
				return err
			}
			_, err = t.exec(`INSERT INTO quota_counts (platform, server, counted_from, at, counts)
				SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT), $5
				WHERE EXISTS (SELECT 1 FROM platform_limits WHERE appid = $1 AND counted_from = $3)
				ON CONFLICT (platform, server) DO UPDATE SET
					counted_from = excluded.counted_from, at = excluded.at, counts = excluded.counts`,
				c.Platform, c.Server, c.CountedFrom, c.At, string(text))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// countsAtOnce is how many platforms one query reads the counts of: there are few
// texts of queries.
const countsAtOnce = 32

// QuotaCounts implements cloud.Store.
func (s *Store) QuotaCounts(ctx context.Context, platforms []string, since int64) ([]cloud.QuotaCounts, error) {
	var all []cloud.QuotaCounts
	for len(platforms) > 0 {
		n := min(len(platforms), countsAtOnce)
		args := make([]any, countsAtOnce+1)
		for i := range countsAtOnce {
			args[i] = platforms[min(i, n-1)]
		}
		args[countsAtOnce] = since
		rows, err := scanAll(s.read(ctx), scanQuotaCounts, quotaCountsQuery, args...)
		if err != nil {
			return nil, err
		}
		all, platforms = append(all, rows...), platforms[n:]
	}
	return all, nil
}

var quotaCountsQuery = func() string {
	var params []string
	for i := range countsAtOnce {
		params = append(params, "$"+strconv.Itoa(i+1))
	}
	return fmt.Sprintf(`SELECT platform, server, counted_from, at, counts FROM quota_counts
		WHERE platform IN (%s) AND at >= $%d`, strings.Join(params, ", "), countsAtOnce+1)
}()

func scanQuotaCounts(r *sql.Rows) (c cloud.QuotaCounts, err error) {
	var text string
	if err = r.Scan(&c.Platform, &c.Server, &c.CountedFrom, &c.At, &text); err == nil {
		err = json.Unmarshal([]byte(text), &c.Counts)
	}
	return c, err
}
