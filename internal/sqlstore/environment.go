package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Environment implements cloud.Store. One statement reads both rows, so that
// they are of one moment.
func (s *Store) Environment(ctx context.Context, account, id string) (cloud.Environment, error) {
	return s.read(ctx).environment(s.guard, account, id)
}

func (s *statements) environment(g *guard, account, id string) (cloud.Environment, error) {
	e := cloud.Environment{Account: account, ID: id}
	var list, listMAC, epochMAC, runtimeMAC string
	var epoch sql.NullInt64 // of no row: 0
	var state switchState
	err := s.row(`SELECT a.cloud, a.open, a.disabled, a.mac, e.api_whitelist, e.mac, e.version, e.set_version, e.set_open,
			c.epoch, COALESCE(c.mac, ''), COALESCE(r.runtime, ''), COALESCE(r.mac, '')
		FROM environments e JOIN accounts a ON a.appid = e.account
		LEFT JOIN env_credentials c ON c.account = e.account AND c.env = e.id
		LEFT JOIN env_runtimes r ON r.account = e.account AND r.env = e.id
		WHERE e.account = $1 AND e.id = $2`,
		[]any{account, id}, &e.Cloud, &state.open, &state.disabled, &state.mac, &list, &listMAC,
		&e.Version, &e.SetVersion, &e.SetOpen, &epoch, &epochMAC, &e.Runtime, &runtimeMAC)
	if err == nil {
		err = state.check(g, account)
		e.Open, e.Disabled = state.open, state.disabled != 0
	}
	if err == nil {
		err = g.check(grantedList, listMAC, account, id, list)
	}
	if e.CredentialEpoch = epoch.Int64; err == nil && epoch.Valid {
		err = g.check(grantedCredential, epochMAC, account, id, e.CredentialEpoch)
	}
	if err == nil {
		err = g.checkRuntime(runtimeMAC, account, id, e.Runtime)
	}
	if err != nil {
		return cloud.Environment{}, err
	}
	return e, json.Unmarshal([]byte(list), &e.Whitelist)
}

// EnvironmentAccount implements cloud.Store.
func (s *Store) EnvironmentAccount(ctx context.Context, id string) (string, error) {
	var account string
	err := s.read(ctx).row("SELECT account FROM environments WHERE id = $1", []any{id}, &account)
	return account, err
}

// encodeList returns a whitelist as JSON, [] if it has no entries.
func encodeList(entries []string) (string, error) {
	if len(entries) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(entries)
	return string(b), err
}

// environmentViews selects environments as the operator sees them. Functions are
// counted up to limit.
func environmentViews(limit int64) string {
	return fmt.Sprintf(`SELECT e.id, e.account, a.is_platform, e.alias, a.open, a.disabled, a.mac, e.api_whitelist,
			e.mac, e.version, COALESCE(r.runtime, ''), COALESCE(r.mac, ''), (SELECT count(*) FROM (SELECT 1 FROM functions f
				WHERE f.account = e.account AND f.env = e.id LIMIT %d) AS x)
		FROM environments e JOIN accounts a ON a.appid = e.account
		LEFT JOIN env_runtimes r ON r.account = e.account AND r.env = e.id WHERE TRUE`, limit)
}

// scanEnvironment reads a row of environmentViews, which must be as a server wrote it.
func (s *Store) scanEnvironment(r *sql.Rows) (e cloud.EnvironmentView, err error) {
	var account, list, mac, runtimeMAC string
	var isPlatform bool
	var state switchState
	err = r.Scan(&e.ID, &account, &isPlatform, &e.Alias, &state.open, &state.disabled, &state.mac, &list, &mac,
		&e.Version, &e.Runtime, &runtimeMAC, &e.Functions)
	if err == nil {
		err = errors.Join(state.check(s.guard, account), s.guard.check(grantedList, mac, account, e.ID, list),
			s.guard.checkRuntime(runtimeMAC, account, e.ID, e.Runtime))
	}
	if err != nil {
		return e, err
	}
	if e.Open = state.open; isPlatform {
		e.Platform = account
	} else {
		e.AppID = account
	}
	return e, json.Unmarshal([]byte(list), &e.APIWhitelist)
}

// EnvironmentView implements cloud.Store.
func (s *Store) EnvironmentView(ctx context.Context, id string) (cloud.EnvironmentView, error) {
	return scanOne(s.read(ctx), s.scanEnvironment, environmentViews(everything)+" AND e.id = $1", id)
}

// EnvironmentViews implements cloud.Store.
func (s *Store) EnvironmentViews(
	ctx context.Context, f cloud.EnvironmentFilter, p cloud.Page,
) ([]cloud.EnvironmentView, error) {
	var sel selection
	sel.isText("e.account", f.AppID)
	sel.isTrue("a.is_platform", cloud.Maybe[bool]{Given: f.AppID.Given})
	sel.isText("e.account", f.Platform)
	sel.isTrue("a.is_platform", cloud.Maybe[bool]{Given: f.Platform.Given, Value: true})
	sel.isText("e.alias", f.Alias)
	query, args := sel.page(environmentViews(cloud.ListCount), p, "e.id")
	return scanAll(s.read(ctx), s.scanEnvironment, query, args...)
}

// SetAlias implements cloud.Store.
func (s *Store) SetAlias(ctx context.Context, account, env, alias string, rec cloud.Record) error {
	return s.writer.writeFor(ctx, account, func(t *tx) error {
		t.record(rec) // of a change that fails nothing is left
		return t.hit("UPDATE environments SET alias = $1 WHERE account = $2 AND id = $3", alias, account, env)
	})
}

// SetRuntime implements cloud.Store.
func (s *Store) SetRuntime(ctx context.Context, account, env, runtime string, rec cloud.Record) error {
	return s.writer.writeFor(ctx, account, func(t *tx) error {
		t.record(rec)
		return t.putRuntime(account, env, runtime)
	})
}

// putRuntime gives an environment a runtime of its own, or, with "", takes it away:
// cloud.ErrNotFound if there is no such environment.
func (t *tx) putRuntime(account, env, runtime string) error {
	if err := t.keepEnvironment(account, env); err != nil {
		return err
	}
	if runtime == "" {
		_, err := t.exec("DELETE FROM env_runtimes WHERE account = $1 AND env = $2", account, env)
		return err
	}
	_, err := t.exec(`INSERT INTO env_runtimes (account, env, runtime, mac) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, env) DO UPDATE SET runtime = excluded.runtime, mac = excluded.mac`,
		account, env, runtime, t.guard.vouch(grantedRuntime, account, env, runtime))
	return err
}

// checkRuntime checks the runtime of an environment: "" is none, and has no MAC.
func (d *guard) checkRuntime(mac, account, env, runtime string) error {
	if runtime == "" {
		return nil
	}
	return d.check(grantedRuntime, mac, account, env, runtime)
}
