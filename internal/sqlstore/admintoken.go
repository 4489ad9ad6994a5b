package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AdminTokens implements cloud.Store.
func (s *Store) AdminTokens(ctx context.Context) ([]cloud.AdminToken, error) {
	fields := func(t *cloud.AdminToken) []any {
		return []any{&t.Name, &t.Role, &t.CreatedAt, &t.ExpiresAt, &t.UsedAt, &t.MAC}
	}
	return collect(s.read(ctx), fields,
		"SELECT name, role, created_at, expires_at, used_at, mac FROM admin_tokens")
}

// AddAdminToken implements cloud.Store.
func (s *Store) AddAdminToken(ctx context.Context, t cloud.AdminToken, rec cloud.Record) (bool, error) {
	return s.swap(ctx, t.Name, rec, `INSERT INTO admin_tokens (name, role, created_at, expires_at, used_at, mac)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING`,
		t.Name, t.Role, t.CreatedAt, t.ExpiresAt, t.UsedAt, t.MAC)
}

// RemoveAdminToken implements cloud.Store.
func (s *Store) RemoveAdminToken(ctx context.Context, name string, rec cloud.Record) (bool, error) {
	return s.swap(ctx, name, rec, "DELETE FROM admin_tokens WHERE name = $1", name)
}

// NoteAdminTokenUse implements cloud.Store.
func (s *Store) NoteAdminTokenUse(ctx context.Context, name, mac string, at int64) error {
	return s.writer.writeFor(ctx, name, func(t *tx) error {
		_, err := t.exec("UPDATE admin_tokens SET used_at = $1 WHERE name = $2 AND mac = $3 AND used_at < $1", at, name, mac)
		return err
	})
}
