package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// switchState is what is vouched for of an account.
type switchState struct {
	open     bool
	disabled int64
	mac      string
}

// check returns an error that is cloud.ErrAltered if the account's row was altered.
func (s switchState) check(g *guard, account string) error {
	return g.check(grantedSwitch, s.mac, account, s.open, s.disabled)
}

// accountColumns are what the operator says of an account, and when it was made.
const accountColumns = "a.appid, a.is_platform, a.cloud, a.name, a.principal, a.disabled, a.created_at"

func accountFields(a *cloud.Account) []any {
	return []any{&a.AppID, &a.IsPlatform, &a.Cloud, &a.Name, &a.Principal, &a.State, &a.CreatedAt}
}

// Account implements cloud.Store.
func (s *Store) Account(ctx context.Context, appid string) (cloud.Account, error) {
	return s.read(ctx).account(s.guard, appid)
}

func (s *statements) account(g *guard, appid string) (cloud.Account, error) {
	var a cloud.Account
	var state switchState
	err := s.row("SELECT "+accountColumns+", a.open, a.mac FROM accounts a WHERE a.appid = $1", []any{appid},
		append(accountFields(&a), &state.open, &state.mac)...)
	if state.disabled = int64(a.State); err == nil {
		err = state.check(g, appid)
	}
	if err != nil {
		return cloud.Account{}, err
	}
	return a, nil
}

// PlatformSets implements cloud.Store.
func (s *Store) PlatformSets(ctx context.Context, appid string) ([]int, error) {
	return platformList[int](s.read(ctx), s.guard, grantedSets, appid)
}

// platformList reads a list that is said of a platform, which has a row of its own in
// the table of a grant; none if there is no row.
func platformList[T any](s *statements, g *guard, of grant, appid string) (list []T, err error) {
	var text, mac string
	err = s.row("SELECT "+of.members[0]+", mac FROM "+of.table+" WHERE appid = $1", []any{appid}, &text, &mac)
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = g.check(of, mac, appid, text)
	}
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal([]byte(text), &list)
}

// changePlatformList changes a list of a platform that is as it was decided on.
func changePlatformList[T comparable](t *tx, of grant, appid string, old, list []T) error {
	now, err := platformList[T](t.statements, t.guard, of, appid)
	switch {
	case err != nil:
		return err
	case !slices.Equal(now, old):
		return cloud.ErrStale
	case slices.Equal(now, list):
		return nil
	case len(list) == 0:
		return t.one("DELETE FROM "+of.table+" WHERE appid = $1", appid)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	column := of.members[0]
	return t.one("INSERT INTO "+of.table+" (appid, "+column+`, mac) VALUES ($1, $2, $3)
		ON CONFLICT (appid) DO UPDATE SET `+column+" = excluded."+column+", mac = excluded.mac",
		appid, string(text), t.guard.vouch(of, appid, string(text)))
}

// ChangeAccount implements cloud.Store.
func (s *Store) ChangeAccount(ctx context.Context, ch cloud.AccountChange, rec cloud.Record) error {
	return s.writer.writeFor(ctx, ch.New.AppID, func(t *tx) error {
		if err := t.changeAccount(ch); err != nil {
			return err
		}
		t.record(rec)
		return nil
	})
}

func (t *tx) changeAccount(ch cloud.AccountChange) error {
	if err := t.putAccount(ch); err != nil || !ch.New.IsPlatform {
		return err
	}
	return t.changePlatform(ch)
}

// putAccount adds an account's row, or changes one that is as it was decided on.
func (t *tx) putAccount(ch cloud.AccountChange) error {
	a := ch.New
	if ch.Old == nil {
		return t.one(`INSERT INTO accounts
				(appid, is_platform, cloud, open, name, principal, disabled, created_at, mac)
			VALUES ($1, $2, $3, TRUE, $4, $5, $6, $7, $8) ON CONFLICT (appid) DO NOTHING`,
			a.AppID, a.IsPlatform, a.Cloud, a.Name, a.Principal, a.State, a.CreatedAt,
			t.guard.vouch(grantedSwitch, a.AppID, true, int64(a.State)))
	}
	if err := t.lockAccount(a.AppID); err != nil {
		return err
	}
	now, err := t.account(t.guard, a.AppID)
	if errors.Is(err, cloud.ErrNotFound) || err == nil && now != *ch.Old {
		return cloud.ErrStale
	}
	if err != nil {
		return err
	}
	err = t.one("UPDATE accounts SET cloud = $2, name = $3, principal = $4, disabled = $5 WHERE appid = $1",
		a.AppID, a.Cloud, a.Name, a.Principal, a.State)
	if err != nil {
		return err
	}
	return t.vouchRow(grantedSwitch, a.AppID)
}

// changePlatform changes what is a platform's alone.
func (t *tx) changePlatform(ch cloud.AccountChange) error {
	appid := ch.New.AppID
	if ch.SecretMAC != "" {
		_, err := t.exec(`INSERT INTO platforms (appid, secret_mac, fixed_ticket, issued) VALUES ($1, $2, '', '')
			ON CONFLICT (appid) DO UPDATE SET secret_mac = excluded.secret_mac`, appid, ch.SecretMAC)
		if err == nil && ch.VoidAt != 0 {
			err = t.voidTokens(appid, ch.VoidAt)
		}
		if err != nil {
			return err
		}
	}
	if err := t.changeEvents(appid, ch.OldEvents, ch.Events); err != nil {
		return err
	}
	if err := t.changeLimits(appid, ch.OldLimits, ch.Limits); err != nil {
		return err
	}
	if err := changePlatformList(t, grantedHosts, appid, ch.OldHosts, ch.Hosts); err != nil {
		return err
	}
	return changePlatformList(t, grantedSets, appid, ch.OldSets, ch.Sets)
}
