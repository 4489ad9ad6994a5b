package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/opentcb/opentcb/internal/cloud"
)

// PutFuncConfig implements cloud.Store.
func (s *Store) PutFuncConfig(ctx context.Context, c cloud.SealedConfig, rec cloud.Record) (bool, error) {
	err := s.writer.writeFor(ctx, c.Account, func(t *tx) error {
		err := t.lock("SELECT name FROM functions WHERE account = $1 AND env = $2 AND name = $3", c.Account, c.Env, c.Name)
		if err != nil {
			return err
		}
		t.record(rec)
		return t.putFuncConfig(c)
	})
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// putFuncConfig is cloud.ErrNotFound if there is no such function.
func (t *tx) putFuncConfig(c cloud.SealedConfig) error {
	return t.hit(`INSERT INTO function_configs (account, env, name, kind, added_at, sealed)
		SELECT account, env, name, $4, added_at, $5 FROM functions WHERE account = $1 AND env = $2 AND name = $3
		ON CONFLICT (account, env, name, kind) DO UPDATE SET added_at = excluded.added_at, sealed = excluded.sealed`,
		c.Account, c.Env, c.Name, c.Kind, c.Sealed)
}

// FuncConfigs implements cloud.Store.
func (s *Store) FuncConfigs(ctx context.Context, account, env, from, to string) ([]cloud.SealedConfig, error) {
	scan := func(r *sql.Rows) (cloud.SealedConfig, error) {
		c := cloud.SealedConfig{Account: account, Env: env}
		return c, r.Scan(&c.Name, &c.Kind, &c.Sealed)
	}
	return scanAll(s.read(ctx), scan, `SELECT c.name, c.kind, c.sealed FROM function_configs c
		JOIN functions f ON f.account = c.account AND f.env = c.env AND f.name = c.name AND f.added_at = c.added_at
		WHERE c.account = $1 AND c.env = $2 AND c.name >= $3 AND c.name <= $4 ORDER BY c.name, c.kind`,
		account, env, from, to)
}
