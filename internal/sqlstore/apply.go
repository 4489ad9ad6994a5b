package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Apply implements cloud.Store.
func (s *Store) Apply(ctx context.Context, changes []cloud.Change, recs []cloud.Record) error {
	return s.bulkWriter.write(ctx, func(t *tx) error {
		for i, c := range changes {
			var rec cloud.Record
			if i < len(recs) {
				rec = recs[i]
			}
			err := t.apply(c, rec)
			if errors.Is(err, cloud.ErrNotFound) { // what it belongs to was removed meanwhile
				err = cloud.ErrStale
			}
			if err != nil {
				return err
			}
		}
		t.record(recs...)
		return nil
	})
}

func (t *tx) apply(c cloud.Change, rec cloud.Record) error {
	switch c := c.(type) {
	case cloud.PutPlatform:
		return t.putPlatform(c)
	case cloud.PutAccount:
		return t.one(`INSERT INTO accounts (appid, is_platform, cloud, open, mac, created_at)
			VALUES ($1, FALSE, $2, TRUE, $3, $4) ON CONFLICT (appid) DO UPDATE SET cloud = excluded.cloud
			WHERE NOT accounts.is_platform AND accounts.disabled <> $5`, c.AppID, c.Cloud,
			t.guard.vouch(grantedSwitch, c.AppID, true), c.CreatedAt, cloud.Removing)
	case cloud.AccountChange:
		return t.changeAccount(c)
	case cloud.AddEnvironment:
		return t.addEnvironment(c, rec)
	case cloud.PutAuthorization:
		return t.applyAuthorization(c, rec.At)
	case cloud.PutAlias:
		return t.one("UPDATE environments SET alias = $1 WHERE account = $2 AND id = $3", c.Alias, c.Account, c.Env)
	case cloud.PutRuntime:
		return t.putRuntime(c.Account, c.Env, c.Runtime)
	case cloud.PutFunction:
		if c.Sum != "" {
			if err := t.useCode(c.Sum, c.ModifiedAt); err != nil {
				return err
			}
		}
		return t.applyFunction(c)
	case cloud.NoteFileCode:
		_, err := t.exec("UPDATE functions SET file_sum = $1 WHERE account = $2 AND env = $3 AND name = $4 AND sum = $1",
			c.Sum, c.Account, c.Env, c.Name)
		return err
	}
	return fmt.Errorf("no such change: %T", c)
}

func (t *tx) applyFunction(c cloud.PutFunction) error {
	f, there := c.Function, ` DO UPDATE
		SET sum = excluded.sum, size = excluded.size, modified_at = excluded.modified_at, file_sum = excluded.file_sum
		WHERE functions.owner = '' AND excluded.sum <> ''`
	if len(c.Configs) > 0 {
		there = " DO NOTHING" // somebody made it since, who may have configured it
	}
	if err := t.keepEnvironment(f.Account, f.Env); err != nil {
		return err
	}
	if err := t.checkRow(grantedCode, f.Account, f.Env, f.Name); err != nil {
		return err
	}
	err := t.one(insertFunction+there, functionValues(t.guard, f)...)
	for _, config := range c.Configs {
		if err == nil {
			err = t.putFuncConfig(config)
		}
	}
	if err != nil {
		return err
	}
	return t.vouchRow(grantedCode, f.Account, f.Env, f.Name)
}

// applyAuthorization puts an authorization in force, if it is as the change was
// decided on: one that was cancelled meanwhile stays so.
func (t *tx) applyAuthorization(c cloud.PutAuthorization, at int64) error {
	err := errors.Join(t.keepAccount(c.AppID), t.keepAccount(c.Platform))
	if err == nil {
		err = t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", c.AppID, c.Platform)
	}
	if err != nil {
		return err
	}
	var epoch int64
	var inForce bool
	err = t.row("SELECT epoch, in_force FROM authorizations WHERE appid = $1 AND platform = $2",
		[]any{c.AppID, c.Platform}, &epoch, &inForce)
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return err
	}
	if epoch != c.OldEpoch || inForce != c.WasInForce {
		return cloud.ErrStale
	}
	if c.Refresh.MAC != "" {
		if err := t.voidRefresh(c.Platform, c.AppID, c.Refresh.MAC); err != nil {
			return err
		}
	}
	var voided int64
	err = t.row(`SELECT count(*) FROM voided_refresh_tokens
		WHERE appid = $1 AND platform = $2 AND refresh_mac = $3 AND refresh_mac <> ''`,
		[]any{c.AppID, c.Platform, c.Refresh.MAC}, &voided)
	if err == nil && voided > 0 {
		err = cloud.ErrStale
	}
	if err != nil {
		return err
	}
	if err := t.putAuthorization(c.Platform, c.AppID, c.Sets, c.Refresh.MAC, at); err != nil || c.Refresh.MAC == "" {
		return err
	}
	return t.fixRefresh(c, at)
}

// fixRefresh puts the refresh token of a world file in force. Those that were until
// now end at once; consents that are not exchanged yet come later.
func (t *tx) fixRefresh(c cloud.PutAuthorization, at int64) error {
	err := t.one("UPDATE authorizations SET refresh_mac = $1 WHERE appid = $2 AND platform = $3",
		c.Refresh.MAC, c.AppID, c.Platform)
	if err == nil {
		_, err = t.exec("DELETE FROM refresh_tokens WHERE appid = $1 AND platform = $2 AND since > 0", c.AppID, c.Platform)
	}
	if err == nil {
		err = t.keepRefresh(c.Platform, c.AppID, c.Refresh)
	}
	if err != nil {
		return err
	}
	return t.vouchRow(granted, c.AppID, c.Platform)
}

func (t *tx) putPlatform(p cloud.PutPlatform) error {
	err := t.one(`INSERT INTO accounts (appid, is_platform, cloud, open, mac, created_at)
		VALUES ($1, TRUE, TRUE, TRUE, $2, $3) ON CONFLICT (appid) DO UPDATE SET cloud = TRUE
		WHERE accounts.is_platform AND accounts.disabled <> $4`, p.AppID,
		t.guard.vouch(grantedSwitch, p.AppID, true), p.CreatedAt, cloud.Removing)
	if err != nil {
		return err
	}
	if p.KeepSecret {
		return t.one("UPDATE platforms SET fixed_ticket = $2 WHERE appid = $1", p.AppID, p.FixedTicket)
	}
	_, err = t.exec(`INSERT INTO platforms (appid, secret_mac, fixed_ticket, issued) VALUES ($1, $2, $3, '')
		ON CONFLICT (appid) DO UPDATE SET secret_mac = excluded.secret_mac, fixed_ticket = excluded.fixed_ticket`,
		p.AppID, p.SecretMAC, p.FixedTicket)
	if err != nil || p.VoidAt == 0 {
		return err
	}
	return t.voidTokens(p.AppID, p.VoidAt)
}

// voidTokens voids a platform's component tokens issued before a time, and all that
// were issued: a server whose clock is ahead may have issued some later.
func (t *tx) voidTokens(platform string, void int64) error {
	var stored string
	if err := t.row("SELECT issued FROM platforms WHERE appid = $1", []any{platform}, &stored); err != nil {
		return err
	}
	issued, err := cloud.ParseIssues(stored)
	if err != nil {
		return err
	}
	if n := len(issued); n > 0 {
		void = max(void, issued[n-1]+1)
	}
	_, err = t.exec(`INSERT INTO platform_voids (appid, void_before) VALUES ($1, $2)
		ON CONFLICT (appid) DO UPDATE SET void_before =
			CASE WHEN platform_voids.void_before < excluded.void_before THEN excluded.void_before
				ELSE platform_voids.void_before END`, platform, void)
	return err
}

// addEnvironment adds an environment with the defaults of UT-4, and sets the
// account's switch if the world says so.
func (t *tx) addEnvironment(c cloud.AddEnvironment, rec cloud.Record) error {
	list, err := encodeList(c.Whitelist)
	if err != nil {
		return err
	}
	if err := errors.Join(t.lockAccount(c.Account), t.keepAccount(c.Account)); err != nil {
		return err
	}
	var flipped bool
	if c.Open != nil {
		if _, flipped, err = t.setSwitch(c.Account, c.ID, *c.Open); err != nil {
			return err
		}
	}
	err = t.one(`INSERT INTO environments (account, id, api_whitelist, version, set_version, set_open, mac, alias)
		VALUES ($1, $2, $3, $4, -1, TRUE, $5, $6) ON CONFLICT (id) DO NOTHING`, c.Account, c.ID, list, cloud.FirstVersion,
		t.guard.vouch(grantedList, c.Account, c.ID, list), c.Alias)
	if err == nil && c.Runtime != "" {
		err = t.putRuntime(c.Account, c.ID, c.Runtime)
	}
	if err == nil {
		err = t.nextCredentialEpoch(c.Account, c.ID, rec.At)
	}
	if err != nil {
		return err
	}
	var open bool
	if err := t.row("SELECT open FROM accounts WHERE appid = $1", []any{c.Account}, &open); err != nil {
		return err
	}
	rec.Operator, rec.Platform = true, ""
	return t.keepHistory(c.Account, c.ID, cloud.FirstVersion, open, flipped, list, rec)
}
