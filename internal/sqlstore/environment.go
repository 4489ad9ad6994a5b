package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Environment implements cloud.Store. One statement reads both rows, so that
// they are of one moment.
func (s *Store) Environment(ctx context.Context, account, id string) (cloud.Environment, error) {
	return s.read(ctx).environment(s.guard, account, id)
}

func (s *statements) environment(g *guard, account, id string) (cloud.Environment, error) {
	e := cloud.Environment{Account: account, ID: id}
	var list, listMAC, epochMAC string
	var epoch sql.NullInt64 // of no row: 0
	var state switchState
	err := s.row(`SELECT a.cloud, a.open, a.disabled, a.mac, e.api_whitelist, e.mac, e.version, e.set_version, e.set_open,
			c.epoch, COALESCE(c.mac, '')
		FROM environments e JOIN accounts a ON a.appid = e.account
		LEFT JOIN env_credentials c ON c.account = e.account AND c.env = e.id
		WHERE e.account = $1 AND e.id = $2`,
		[]any{account, id}, &e.Cloud, &state.open, &state.disabled, &state.mac, &list, &listMAC,
		&e.Version, &e.SetVersion, &e.SetOpen, &epoch, &epochMAC)
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
