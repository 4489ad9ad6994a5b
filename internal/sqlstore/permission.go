package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// updateEnvironment compares and swaps the version (UT-6, UT-9).
const updateEnvironment = `UPDATE environments SET api_whitelist = $1, version = $2, set_version = $8, set_open = $4,
		mac = $9
	WHERE account = $5 AND id = $6 AND version <= $3 AND $3 - version <= $7`

// updateUnflipped does so only if the account's switch is sure to be as the set
// wants it. Mostly it is, and then this one statement is all that a set takes.
// It is sure if the last set of this environment left it so, and no set of
// another environment has flipped it since: that would have moved this version
// on (UT-8).
const updateUnflipped = updateEnvironment + " AND set_open = $4 AND version = set_version + 2"

// SetPermission implements cloud.Store.
func (s *Store) SetPermission(ctx context.Context,
	set cloud.PermissionSet, rec cloud.Record) (cloud.PermissionResult, error) {
	list, err := encodeList(set.Whitelist)
	if err != nil {
		return cloud.PermissionResult{}, err
	}
	var res cloud.PermissionResult
	err = s.writer.writeFor(ctx, set.Account, func(t *tx) error {
		res = cloud.PermissionResult{}
		if err := t.lockAccount(set.Account); err != nil {
			return err
		}
		mac := t.guard.vouch(grantedList, set.Account, set.Env, list)
		next := set.NextVersion()
		args := []any{list, next, set.Version, set.Open, set.Account, set.Env, cloud.MaxLeap, next - 2, mac}
		var flipped bool
		n, err := t.exec(updateUnflipped, args...)
		if err == nil && n == 0 {
			if n, err = t.exec(updateEnvironment, args...); err == nil && n == 1 {
				res.Touched, flipped, err = t.setSwitch(set.Account, set.Env, set.Open)
			}
		}
		if err != nil {
			return err
		}
		if n == 0 {
			res.Current, err = t.environment(t.guard, set.Account, set.Env)
			return err
		}
		res.Accepted = true
		t.record(rec)
		if set.Alias != nil {
			err := t.one("UPDATE environments SET alias = $1 WHERE account = $2 AND id = $3", *set.Alias, set.Account, set.Env)
			if err != nil {
				return err
			}
		}
		if set.Runtime != nil {
			if err := t.putRuntime(set.Account, set.Env, *set.Runtime); err != nil {
				return err
			}
		}
		return t.keepHistory(set.Account, set.Env, next, set.Open, flipped, list, rec)
	})
	return res, err
}

// lockAccount locks an account's row: one transaction at a time decides what
// concerns its environments (UT-6, UT-8, UT-9).
func (t *tx) lockAccount(account string) error {
	return t.lock("SELECT appid FROM accounts WHERE appid = $1", account)
}

// setSwitch sets the account's switch (UT-5). If that flips it, the versions
// of the account's other environments move on (UT-8); it returns their ids.
func (t *tx) setSwitch(account, env string, open bool) (touched []string, flipped bool, err error) {
	if err := t.checkRow(grantedSwitch, account); err != nil {
		return nil, false, err
	}
	n, err := t.exec("UPDATE accounts SET open = $1 WHERE appid = $2 AND open <> $1", open, account)
	if err == nil && n > 0 {
		err = t.vouchRow(grantedSwitch, account)
	}
	if err != nil || n == 0 {
		return nil, false, err
	}
	touched, err = collect(t.statements, func(id *string) []any { return []any{id} }, `UPDATE environments
		SET version = version + 2 WHERE account = $1 AND id <> $2 RETURNING id`, account, env)
	return touched, true, err
}
