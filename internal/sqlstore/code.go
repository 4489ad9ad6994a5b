package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// nextUse is the next used_at of a row of code, used at $2. Every use changes
// it, even if the clock stands or goes back, since DoomCode compares it with
// what it was.
const nextUse = "CASE WHEN code.used_at < $2 THEN $2 ELSE code.used_at + 1 END"

const insertCode = "INSERT INTO code (sum, used_at, doomed_at) VALUES ($1, $2, 0) ON CONFLICT (sum)"

// HoldCode implements cloud.Store.
func (s *Store) HoldCode(ctx context.Context, sum string, at int64) error {
	return s.writer.writeFor(ctx, sum, func(t *tx) error {
		return t.one(insertCode+" DO UPDATE SET used_at = "+nextUse+" WHERE code.doomed_at = 0", sum, at)
	})
}

// useCode notes that code is taken into use: cloud.ErrStale if it is not held.
func (t *tx) useCode(sum string, at int64) error {
	return t.one("UPDATE code SET used_at = "+nextUse+" WHERE sum = $1 AND doomed_at = 0", sum, at)
}

// SeeCode implements cloud.Store.
func (s *Store) SeeCode(ctx context.Context, sums []string, at int64) error {
	var rows [][]any
	for _, sum := range sums {
		rows = append(rows, []any{sum, at})
	}
	return s.writer.write(ctx, func(t *tx) error { return t.execAll(insertCode+" DO NOTHING", rows) })
}

// CodeRows implements cloud.Store.
func (s *Store) CodeRows(ctx context.Context, after, upto string, limit int) ([]cloud.CodeRow, error) {
	fields := func(c *cloud.CodeRow) []any { return []any{&c.Sum, &c.UsedAt, &c.DoomedAt, &c.Used} }
	return collect(s.read(ctx), fields, `SELECT c.sum, c.used_at, c.doomed_at,
			EXISTS (SELECT 1 FROM functions f WHERE f.sum = c.sum)
		FROM code c WHERE c.sum > $1 AND c.sum <= $2 ORDER BY c.sum LIMIT $3`, after, upto, limit)
}

// CodeUsers implements cloud.Store.
func (s *Store) CodeUsers(ctx context.Context, sum string, limit int) ([]cloud.Function, error) {
	fields := func(f *cloud.Function) []any { return []any{&f.Account, &f.Env, &f.Name, &f.Sum} }
	return collect(s.read(ctx), fields, `SELECT account, env, name, sum FROM functions
		WHERE sum = $1 ORDER BY account, env, name LIMIT $2`, sum, limit)
}

// DoomCode implements cloud.Store. One statement compares and decides. A use
// that was committed after the row was read has changed used_at.
func (s *Store) DoomCode(ctx context.Context, c cloud.CodeRow, at int64, rec cloud.Record) (bool, error) {
	return s.swap(ctx, c.Sum, rec, `UPDATE code SET doomed_at = $1 WHERE sum = $2 AND used_at = $3 AND doomed_at = $4
		AND NOT EXISTS (SELECT 1 FROM functions WHERE sum = $2)`, at, c.Sum, c.UsedAt, c.DoomedAt)
}

// ForgetCode implements cloud.Store.
func (s *Store) ForgetCode(ctx context.Context, sum string, doomedAt int64) error {
	return s.writer.writeFor(ctx, sum, func(t *tx) error {
		_, err := t.exec("DELETE FROM code WHERE sum = $1 AND doomed_at = $2", sum, doomedAt)
		return err
	})
}
