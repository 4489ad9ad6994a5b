package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/opentcb/opentcb/internal/cloud"
)

// counts are what there is below an account a, of each up to limit; column is that
// of authorizations. Each is an index's beginning.
func counts(column string, limit int64) string {
	const one = "(SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d) AS x)"
	of := func(from string) string { return fmt.Sprintf(one, from, limit) }
	return of("environments e WHERE e.account = a.appid") + ", " +
		of("functions f WHERE f.account = a.appid") + ", " +
		of("authorizations z WHERE z."+column+" = a.appid") + ", " +
		fmt.Sprintf(`(SELECT count(*) FROM (SELECT z.in_force FROM authorizations z WHERE z.%s = a.appid LIMIT %d) AS x
			WHERE x.in_force)`, column, limit)
}

func countFields(c *cloud.Counts) []any {
	return []any{&c.Environments, &c.Functions, &c.Authorizations, &c.InForce}
}

// everything is the limit of counts that count all.
const everything = math.MaxInt64

func miniPrograms(limit int64) string {
	return "SELECT " + accountColumns + ", " + counts("appid", limit) + " FROM accounts a WHERE NOT a.is_platform"
}

// platforms begins with the platforms, since most accounts are Mini Programs.
func platforms(limit int64) string {
	return "SELECT " + accountColumns + ", COALESCE(s.sets, ''), COALESCE(l.quotas, ''), COALESCE(l.ip_whitelist, ''), COALESCE(h.hosts, ''), " +
		counts("platform", limit) + fmt.Sprintf(`,
			(SELECT count(*) FROM (SELECT 1 FROM functions f
				WHERE f.owner = a.appid AND f.owner <> '' AND f.account <> a.appid LIMIT %d) AS x)
		FROM platforms p JOIN accounts a ON a.appid = p.appid
		LEFT JOIN platform_sets s ON s.appid = p.appid
		LEFT JOIN platform_limits l ON l.appid = p.appid
		LEFT JOIN platform_hosts h ON h.appid = p.appid WHERE TRUE`, limit)
}

func scanMiniProgram(r *sql.Rows) (m cloud.MiniProgram, err error) {
	var a cloud.Account
	err = r.Scan(append(accountFields(&a), countFields(&m.Counts)...)...)
	m.SetAccount(a)
	return m, err
}

func scanPlatform(r *sql.Rows) (p cloud.PlatformView, err error) {
	var a cloud.Account
	var sets, quotas, list, hosts string
	fields := append(append(accountFields(&a), &sets, &quotas, &list, &hosts), countFields(&p.Counts.Counts)...)
	err = r.Scan(append(fields, &p.Counts.OwnedFunctions)...)
	p.SetAccount(a)
	if err == nil && sets != "" {
		err = json.Unmarshal([]byte(sets), &p.PermissionSets)
	}
	if err == nil && hosts != "" {
		err = json.Unmarshal([]byte(hosts), &p.ConsentHosts)
	}
	if err == nil && quotas != "" {
		err = errors.Join(json.Unmarshal([]byte(quotas), &p.Quotas), json.Unmarshal([]byte(list), &p.IPWhitelist))
	}
	return p, err
}

// scanAll returns what a query selects, each row read by scan.
func scanAll[T any](s *statements, scan func(*sql.Rows) (T, error), query string, args ...any) (all []T, err error) {
	err = s.rows(query, args, func(r *sql.Rows) error {
		row, err := scan(r)
		all = append(all, row)
		return err
	})
	return all, err
}

// scanOne is scanAll of one row, which is cloud.ErrNotFound if it is not there.
func scanOne[T any](s *statements, scan func(*sql.Rows) (T, error), query string, args ...any) (one T, err error) {
	all, err := scanAll(s, scan, query, args...)
	switch {
	case err != nil:
		return one, err
	case len(all) == 0:
		return one, cloud.ErrNotFound
	}
	return all[0], nil
}

// MiniProgram implements cloud.Store.
func (s *Store) MiniProgram(ctx context.Context, appid string) (cloud.MiniProgram, error) {
	return scanOne(s.read(ctx), scanMiniProgram, miniPrograms(everything)+" AND a.appid = $1", appid)
}

// PlatformView implements cloud.Store.
func (s *Store) PlatformView(ctx context.Context, appid string) (cloud.PlatformView, error) {
	p, err := scanOne(s.read(ctx), scanPlatform, platforms(everything)+" AND p.appid = $1", appid)
	if err != nil {
		return p, err
	}
	one := []cloud.PlatformView{p}
	err = s.addEvents(ctx, one)
	return one[0], err
}

// MiniPrograms implements cloud.Store.
func (s *Store) MiniPrograms(
	ctx context.Context, f cloud.MiniProgramFilter, p cloud.Page,
) ([]cloud.MiniProgram, error) {
	var sel selection
	sel.isText("a.name", f.Name)
	sel.isText("a.principal", f.Principal)
	sel.isTrue("a.cloud", f.Cloud)
	sel.isTrue("a.disabled <> 0", f.Disabled)
	query, args := sel.page(miniPrograms(cloud.ListCount), p, "a.appid")
	return scanAll(s.read(ctx), scanMiniProgram, query, args...)
}

// PlatformViews implements cloud.Store.
func (s *Store) PlatformViews(
	ctx context.Context, f cloud.PlatformFilter, p cloud.Page,
) ([]cloud.PlatformView, error) {
	var sel selection
	sel.isText("a.name", f.Name)
	sel.isTrue("a.disabled <> 0", f.Disabled)
	query, args := sel.page(platforms(cloud.ListCount), p, "p.appid")
	list, err := scanAll(s.read(ctx), scanPlatform, query, args...)
	if err == nil {
		err = s.addEvents(ctx, list)
	}
	return list, err
}

// addEvents gives platforms, which are in their order, their event addresses.
func (s *Store) addEvents(ctx context.Context, list []cloud.PlatformView) error {
	if len(list) == 0 {
		return nil
	}
	i := 0
	return s.read(ctx).addressesOf(list[0].AppID, list[len(list)-1].AppID, func(platform, url string) {
		for list[i].AppID < platform && i < len(list)-1 {
			i++
		}
		if list[i].AppID == platform {
			list[i].Events = append(list[i].Events, cloud.EventView{URL: url})
		}
	})
}
