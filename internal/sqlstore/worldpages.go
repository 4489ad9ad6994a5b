package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// What is exported may be applied elsewhere, which vouches for it: so every row is
// checked.

// given returns a member that is given unless it is zero.
func given[T comparable](v T) (m cloud.Maybe[T]) {
	if zero := *new(T); v != zero {
		return cloud.Given(v)
	}
	return m
}

// WorldPlatforms implements cloud.Store.
func (s *Store) WorldPlatforms(ctx context.Context, p cloud.Page) ([]cloud.WorldPlatform, error) {
	var sel selection
	query, args := sel.page("SELECT "+accountColumns+`, a.open, a.mac, COALESCE(s.sets, ''), COALESCE(s.mac, ''),
		COALESCE(h.hosts, ''), COALESCE(h.mac, ''), `+limitColumns+`
		FROM platforms p JOIN accounts a ON a.appid = p.appid LEFT JOIN platform_sets s ON s.appid = p.appid
		LEFT JOIN platform_limits l ON l.appid = p.appid LEFT JOIN platform_hosts h ON h.appid = p.appid
		WHERE a.disabled <> 2`, p, "p.appid")
	all, err := scanAll(s.read(ctx), func(r *sql.Rows) (w cloud.WorldPlatform, err error) {
		var a cloud.Account
		var state switchState
		var sets, mac, hosts, hostsMAC string
		var row limitsRow
		own := []any{&state.open, &state.mac, &sets, &mac, &hosts, &hostsMAC}
		err = r.Scan(slices.Concat(accountFields(&a), own, row.fields())...)
		if state.disabled = int64(a.State); err == nil {
			err = state.check(s.guard, a.AppID)
		}
		if err == nil && sets != "" {
			w.With.PermissionSets.Given = true
			err = errors.Join(s.guard.check(grantedSets, mac, a.AppID, sets),
				json.Unmarshal([]byte(sets), &w.With.PermissionSets.Value))
		}
		if err == nil && hosts != "" {
			w.With.ConsentHosts.Given = true
			err = errors.Join(s.guard.check(grantedHosts, hostsMAC, a.AppID, hosts),
				json.Unmarshal([]byte(hosts), &w.With.ConsentHosts.Value))
		}
		if limits, bad := row.limits(s.guard, a.AppID); bad != nil {
			err = errors.Join(err, bad)
		} else if limits != nil {
			w.With.Quotas.Value, w.With.IPWhitelist.Value = limits.Quotas, limits.IPWhitelist
			w.With.Quotas.Given = !limits.Quotas.IsZero()
			w.With.IPWhitelist.Given = len(limits.IPWhitelist) > 0
		}
		w.AppID, w.With.Name, w.With.Disabled = a.AppID, given(a.Name), given(a.State != cloud.InUse)
		return w, err
	}, query, args...)
	if err != nil || len(all) == 0 {
		return all, err
	}
	i := 0
	err = s.read(ctx).addressesOf(all[0].AppID, all[len(all)-1].AppID, func(platform, url string) {
		for all[i].AppID < platform && i < len(all)-1 {
			i++
		}
		if events := &all[i].With.Events; all[i].AppID == platform {
			events.Given, events.Value = true, append(events.Value, cloud.EventSetting{URL: url})
		}
	})
	return all, err
}

// WorldMiniPrograms implements cloud.Store.
func (s *Store) WorldMiniPrograms(ctx context.Context, p cloud.Page) ([]cloud.WorldMiniProgram, error) {
	var sel selection
	query, args := sel.page("SELECT "+accountColumns+", a.open, a.mac FROM accounts a "+
		"WHERE NOT a.is_platform AND a.disabled <> 2", p, "a.appid")
	return scanAll(s.read(ctx), func(r *sql.Rows) (w cloud.WorldMiniProgram, err error) {
		var a cloud.Account
		var state switchState
		err = r.Scan(append(accountFields(&a), &state.open, &state.mac)...)
		if state.disabled = int64(a.State); err == nil {
			err = state.check(s.guard, a.AppID)
		}
		if w.AppID = a.AppID; !a.Cloud {
			w.Cloud = &a.Cloud
		}
		w.With.Name, w.With.Principal, w.With.Disabled = given(a.Name), given(a.Principal), given(a.State != cloud.InUse)
		return w, err
	}, query, args...)
}

// WorldEnvironments implements cloud.Store.
func (s *Store) WorldEnvironments(ctx context.Context, p cloud.Page) ([]cloud.WorldEnvironment, error) {
	var sel selection
	query, args := sel.page(`SELECT e.account, e.id, a.is_platform, a.open, a.disabled, a.mac, e.api_whitelist, e.mac,
			e.alias, COALESCE(r.runtime, ''), COALESCE(r.mac, '')
		FROM environments e JOIN accounts a ON a.appid = e.account
		LEFT JOIN env_runtimes r ON r.account = e.account AND r.env = e.id WHERE a.disabled <> 2`, p, "e.account", "e.id")
	return scanAll(s.read(ctx), func(r *sql.Rows) (w cloud.WorldEnvironment, err error) {
		var state switchState
		var list, mac, alias, runtime, runtimeMAC string
		err = r.Scan(&w.Account, &w.ID, &w.Batch, &state.open, &state.disabled, &state.mac, &list, &mac, &alias,
			&runtime, &runtimeMAC)
		w.Alias, w.Runtime = given(alias), given(runtime)
		if err == nil {
			err = errors.Join(state.check(s.guard, w.Account), s.guard.check(grantedList, mac, w.Account, w.ID, list),
				s.guard.checkRuntime(runtimeMAC, w.Account, w.ID, runtime))
		}
		if w.Open = &state.open; err == nil {
			err = json.Unmarshal([]byte(list), &w.Whitelist)
		}
		return w, err
	}, query, args...)
}

// WorldAuthorizations implements cloud.Store.
func (s *Store) WorldAuthorizations(ctx context.Context, p cloud.Page) ([]cloud.WorldAuthorization, error) {
	var sel selection
	query, args := sel.page(`SELECT t.appid, t.platform, t.epoch, t.sets, t.refresh_mac, COALESCE(z.mac, '')
		FROM authorizations t LEFT JOIN authorization_macs z ON z.appid = t.appid AND z.platform = t.platform
		JOIN accounts p ON p.appid = t.platform JOIN accounts m ON m.appid = t.appid
		WHERE t.in_force AND p.disabled <> 2 AND m.disabled <> 2`, p, "t.appid", "t.platform")
	return scanAll(s.read(ctx), func(r *sql.Rows) (w cloud.WorldAuthorization, err error) {
		var epoch int64
		var sets, refresh, mac string
		err = r.Scan(&w.AppID, &w.Platform, &epoch, &sets, &refresh, &mac)
		if err == nil {
			err = s.guard.check(granted, mac, w.AppID, w.Platform, true, epoch, sets, refresh)
		}
		if err == nil {
			err = json.Unmarshal([]byte(sets), &w.Sets)
		}
		return w, err
	}, query, args...)
}

// WorldFunctions implements cloud.Store.
func (s *Store) WorldFunctions(ctx context.Context, p cloud.Page) (all []cloud.WorldFunction, err error) {
	var sel selection
	query, args := sel.page(`SELECT f.account, f.env, f.name, f.added_at FROM functions f
		JOIN accounts a ON a.appid = f.account WHERE a.disabled <> 2`, p, "f.account", "f.env", "f.name")
	query = `SELECT f.account, f.env, f.name, COALESCE(c.kind, 0), COALESCE(c.sealed, '') FROM (` + query + `) f
		LEFT JOIN function_configs c
			ON c.account = f.account AND c.env = f.env AND c.name = f.name AND c.added_at = f.added_at
		ORDER BY f.account, f.env, f.name, c.kind`
	err = s.read(ctx).rows(query, args, func(r *sql.Rows) error {
		var c cloud.SealedConfig
		err := r.Scan(&c.Account, &c.Env, &c.Name, &c.Kind, &c.Sealed)
		if n := len(all); n == 0 || all[n-1].Name != c.Name || all[n-1].Env != c.Env || all[n-1].Account != c.Account {
			all = append(all, cloud.WorldFunction{Account: c.Account, Env: c.Env, Name: c.Name})
		}
		if f := &all[len(all)-1]; c.Kind != 0 {
			f.Configs = append(f.Configs, c)
		}
		return err
	})
	return all, err
}
