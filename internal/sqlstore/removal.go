package sqlstore

import (
	"context"
	"errors"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// keepAccount keeps an account from being removed until the transaction ends, for
// what is put below it: cloud.ErrNotFound if it is not there or being removed.
func (t *tx) keepAccount(appid string) error {
	var state cloud.State
	err := t.row("SELECT disabled FROM accounts WHERE appid = $1"+t.trans.keep(), []any{appid}, &state)
	if err == nil && state == cloud.Removing {
		err = cloud.ErrNotFound
	}
	return err
}

// keepEnvironment likewise keeps an environment.
func (t *tx) keepEnvironment(account, id string) error {
	return t.row("SELECT id FROM environments WHERE account = $1 AND id = $2"+t.trans.keep(), []any{account, id}, &id)
}

// keepAuthorization likewise keeps an authorization.
func (t *tx) keepAuthorization(platform, appid string) error {
	return t.row("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2"+t.trans.keep(),
		[]any{appid, platform}, &appid)
}

// isRemoving locks an account, and returns cloud.ErrNotFound unless it is being
// removed.
func (t *tx) isRemoving(appid string) error {
	if err := t.lockAccount(appid); err != nil {
		return err
	}
	return t.row("SELECT appid FROM accounts WHERE appid = $1 AND disabled = $2", []any{appid, cloud.Removing}, &appid)
}

// removeStep runs one step, marked or not, and records how much it did.
func (s *Store) removeStep(ctx context.Context, account string, marked bool, rec cloud.CountedRecord,
	do func(t *tx) (int64, error)) (n int64, err error) {
	err = s.writer.writeFor(ctx, account, func(t *tx) (err error) {
		n = 0
		if marked {
			if err := t.isRemoving(account); err != nil {
				return err
			}
		}
		if n, err = do(t); err == nil && n > 0 && rec != nil {
			t.record(rec(n))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// ReleaseFunctions implements cloud.Store.
func (s *Store) ReleaseFunctions(ctx context.Context,
	platform string, marked bool, limit int, rec cloud.CountedRecord) (int64, error) {
	return s.removeStep(ctx, platform, marked, rec, func(t *tx) (int64, error) {
		type key struct{ account, env, name string }
		fields := func(k *key) []any { return []any{&k.account, &k.env, &k.name} }
		owned, err := collect(t.statements, fields, `SELECT account, env, name FROM functions
			WHERE owner = $1 AND owner <> '' AND account <> $1 ORDER BY account, env, name LIMIT $2`, platform, limit)
		if err != nil {
			return 0, err
		}
		at := rec(0).At
		for _, k := range owned {
			if err := t.checkRow(grantedCode, k.account, k.env, k.name); err != nil {
				return 0, err
			}
			_, err := t.exec(`UPDATE functions SET owner = '',
					owner_epoch = CASE WHEN owner_epoch < $1 THEN $1 ELSE owner_epoch + 1 END
				WHERE account = $2 AND env = $3 AND name = $4 AND owner = $5`, at, k.account, k.env, k.name, platform)
			if err == nil {
				err = t.vouchRow(grantedCode, k.account, k.env, k.name)
			}
			if err != nil {
				return 0, err
			}
		}
		return int64(len(owned)), nil
	})
}

// RemoveAuthorizations implements cloud.Store. Authorization codes are left: they
// are good for nothing without the authorization, and expire.
func (s *Store) RemoveAuthorizations(ctx context.Context,
	a cloud.Account, limit int, rec cloud.CountedRecord) (all, inForce int64, err error) {
	column := "appid"
	if a.IsPlatform {
		column = "platform"
	}
	first := "(SELECT appid, platform, in_force FROM authorizations WHERE " + column + " = $1 ORDER BY appid, platform LIMIT $2)"
	all, err = s.removeStep(ctx, a.AppID, true, rec, func(t *tx) (int64, error) {
		err := t.lock("SELECT appid FROM authorizations WHERE "+column+" = $1 ORDER BY appid, platform LIMIT $2", a.AppID, limit)
		if err == nil {
			err = t.row("SELECT count(CASE WHEN in_force THEN 1 END) FROM "+first+" AS x", []any{a.AppID, limit}, &inForce)
		}
		if err != nil {
			return 0, err
		}
		if err := t.recordRemovals(a, first, limit, rec(0).At); err != nil {
			return 0, err
		}
		for _, table := range []string{"code_secrets", "voided_refresh_tokens", "refresh_tokens", "authorization_macs"} {
			_, err := t.exec("DELETE FROM "+table+" WHERE (appid, platform) IN (SELECT appid, platform FROM "+first+" AS x)",
				a.AppID, limit)
			if err != nil {
				return 0, err
			}
		}
		return t.exec("DELETE FROM authorizations WHERE (appid, platform) IN (SELECT appid, platform FROM "+first+" AS x)",
			a.AppID, limit)
	})
	return all, inForce, err
}

// recordRemovals records that authorizations of a Mini Program end which is removed.
// A platform that is removed is told nothing.
func (t *tx) recordRemovals(a cloud.Account, first string, limit int, at int64) error {
	if a.IsPlatform {
		return nil
	}
	platforms, err := collect(t.statements, func(p *string) []any { return []any{p} },
		"SELECT platform FROM "+first+" AS x WHERE in_force ORDER BY platform", a.AppID, limit)
	for _, platform := range platforms {
		if err == nil {
			err = t.recordEvent(cloud.Push{Platform: platform, AppID: a.AppID, Kind: tcb.EventUnauthorized}, at)
		}
	}
	return err
}

// EnvironmentIDs implements cloud.Store.
func (s *Store) EnvironmentIDs(ctx context.Context, account string, limit int) ([]string, error) {
	return collect(s.read(ctx), func(id *string) []any { return []any{id} },
		"SELECT id FROM environments WHERE account = $1 ORDER BY id LIMIT $2", account, limit)
}

// RemoveFunctions implements cloud.Store.
func (s *Store) RemoveFunctions(ctx context.Context,
	key cloud.EnvironmentKey, marked bool, limit int, rec cloud.CountedRecord) (int64, error) {
	return s.removeStep(ctx, key.Account, marked, rec, func(t *tx) (int64, error) {
		n, err := t.exec(`DELETE FROM functions WHERE account = $1 AND env = $2 AND name IN
			(SELECT name FROM functions WHERE account = $1 AND env = $2 ORDER BY name LIMIT $3)`, key.Account, key.Env, limit)
		if err == nil && n > 0 {
			_, err = t.exec(`DELETE FROM function_configs WHERE account = $1 AND env = $2 AND name NOT IN
				(SELECT name FROM functions WHERE account = $1 AND env = $2)`, key.Account, key.Env)
		}
		return n, err
	})
}

// RemoveFunction implements cloud.Store.
func (s *Store) RemoveFunction(ctx context.Context,
	key cloud.EnvironmentKey, name string, rec cloud.Record) (bool, error) {
	n, err := s.removeStep(ctx, key.Account, false, func(int64) cloud.Record { return rec }, func(t *tx) (int64, error) {
		const function = " WHERE account = $1 AND env = $2 AND name = $3"
		n, err := t.exec("DELETE FROM functions"+function, key.Account, key.Env, name)
		if err == nil {
			_, err = t.exec("DELETE FROM function_configs"+function, key.Account, key.Env, name)
		}
		return n, err
	})
	return n > 0, err
}

// ForgetEnvironment implements cloud.Store.
func (s *Store) ForgetEnvironment(ctx context.Context,
	key cloud.EnvironmentKey, marked bool, limit int) (int64, error) {
	return s.removeStep(ctx, key.Account, marked, nil, func(t *tx) (int64, error) {
		n, err := t.exec(`DELETE FROM observed_calls WHERE account = $1 AND env = $2 AND (hour, path, code) IN
			(SELECT hour, path, code FROM observed_calls WHERE account = $1 AND env = $2 ORDER BY hour, path, code LIMIT $3)`,
			key.Account, key.Env, limit)
		if err != nil || n >= int64(limit) {
			return n, err
		}
		m, err := t.exec(`DELETE FROM permission_history WHERE account = $1 AND env = $2 AND version IN
			(SELECT version FROM permission_history WHERE account = $1 AND env = $2 ORDER BY version LIMIT $3)`,
			key.Account, key.Env, limit)
		return n + m, err
	})
}

// RemoveEnvironment implements cloud.Store.
func (s *Store) RemoveEnvironment(ctx context.Context, key cloud.EnvironmentKey, marked bool, rec cloud.Record) error {
	count := func(int64) cloud.Record { return rec }
	_, err := s.removeStep(ctx, key.Account, marked, count, func(t *tx) (int64, error) {
		err := t.lock("SELECT id FROM environments WHERE account = $1 AND id = $2", key.Account, key.Env)
		if err == nil {
			err = t.none("functions WHERE account = $1 AND env = $2", key.Account, key.Env)
		}
		if err != nil {
			return 0, err
		}
		for _, table := range []string{"permission_history", "observed_calls", "env_credentials", "env_runtimes", "function_configs"} {
			if _, err := t.exec("DELETE FROM "+table+" WHERE account = $1 AND env = $2", key.Account, key.Env); err != nil {
				return 0, err
			}
		}
		return 1, t.hit("DELETE FROM environments WHERE account = $1 AND id = $2", key.Account, key.Env)
	})
	return err
}

// none returns cloud.ErrStale if there is a row.
func (t *tx) none(from string, args ...any) error {
	var n int64
	err := t.row("SELECT count(*) FROM (SELECT 1 FROM "+from+" LIMIT 1) AS x", args, &n)
	if err == nil && n > 0 {
		err = cloud.ErrStale
	}
	return err
}

// RemoveAccount implements cloud.Store. What nobody sees is deleted before, in steps
// of its own.
func (s *Store) RemoveAccount(ctx context.Context, a cloud.Account, rec cloud.Record) error {
	err := errors.Join(
		s.deleteInSteps(ctx, `DELETE FROM used_uploads WHERE account = $1 AND upload IN
			(SELECT upload FROM used_uploads WHERE account = $1 ORDER BY upload LIMIT $2)`, a.AppID),
		s.deleteInSteps(ctx, `DELETE FROM auth_codes WHERE platform = $1 AND code_mac IN
			(SELECT code_mac FROM auth_codes WHERE platform = $1 ORDER BY code_mac LIMIT $2)`, a.AppID),
		s.deleteInSteps(ctx, `DELETE FROM pushes WHERE platform = $1 AND id IN
			(SELECT id FROM pushes WHERE platform = $1 ORDER BY id LIMIT $2)`, a.AppID))
	if err != nil {
		return err
	}
	return s.writer.writeFor(ctx, a.AppID, func(t *tx) error {
		if err := t.lockAccount(a.AppID); err != nil {
			return err
		}
		for _, below := range []string{
			"environments WHERE account = $1", "authorizations WHERE appid = $1", "authorizations WHERE platform = $1",
			"functions WHERE owner = $1 AND owner <> ''",
		} {
			if err := t.none(below, a.AppID); err != nil {
				return err
			}
		}
		if a.IsPlatform {
			if err := t.removePlatform(a.AppID, rec.At); err != nil {
				return err
			}
		}
		t.record(rec)
		return t.hit("DELETE FROM accounts WHERE appid = $1", a.AppID)
	})
}

// removePlatform deletes what is a platform's alone. Until when its tokens are void
// stays: a platform of that appid that is made anew has none of them.
func (t *tx) removePlatform(appid string, at int64) error {
	if err := t.voidTokens(appid, at); err != nil {
		return err
	}
	for _, rows := range []string{
		"platforms WHERE appid", "platform_sets WHERE appid", "platform_limits WHERE appid", "platform_hosts WHERE appid",
		"event_addresses WHERE platform", "pushes WHERE platform", "quota_counts WHERE platform",
		"quota_clears WHERE platform",
	} {
		if _, err := t.exec("DELETE FROM "+rows+" = $1", appid); err != nil {
			return err
		}
	}
	return nil
}
