package sqlstore

import (
	"context"
	"database/sql"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Every use of a row of code changes its used_at, also when the clock stands
// or goes back: who dooms a row compares it with what was seen before.
const nextUse = "CASE WHEN code.used_at < $2 THEN $2 ELSE code.used_at + 1 END"

// HoldCode implements cloud.Store.
func (s *Store) HoldCode(ctx context.Context, sum string, at int64) error {
	return s.writer.writeFor(ctx, sum, func(t *tx) error {
		return t.one("INSERT INTO code (sum, used_at, doomed_at) VALUES ($1, $2, 0) "+
			"ON CONFLICT (sum) DO UPDATE SET used_at = "+nextUse+" WHERE code.doomed_at = 0", sum, at)
	})
}

// useCode makes code that is held the code of a function.
func (t *tx) useCode(sum string, at int64) error {
	return t.one("UPDATE code SET used_at = "+nextUse+" WHERE sum = $1 AND doomed_at = 0", sum, at)
}

// SeeCode implements cloud.Store.
func (s *Store) SeeCode(ctx context.Context, sums []string, at int64) error {
	return s.writer.write(ctx, func(t *tx) error {
		for _, sum := range sums {
			if _, err := t.exec("INSERT INTO code (sum, used_at, doomed_at) VALUES ($1, $2, 0) ON CONFLICT (sum) DO NOTHING", sum, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// CodeRows implements cloud.Store.
func (s *Store) CodeRows(ctx context.Context, after, upto string, limit int) ([]cloud.CodeRow, error) {
	var all []cloud.CodeRow
	err := s.read(ctx).rows("SELECT c.sum, c.used_at, c.doomed_at, EXISTS (SELECT 1 FROM functions f WHERE f.sum = c.sum) FROM code c "+
		"WHERE c.sum > $1 AND c.sum <= $2 ORDER BY c.sum LIMIT $3", []any{after, upto, limit}, func(r *sql.Rows) error {
		var c cloud.CodeRow
		err := r.Scan(&c.Sum, &c.UsedAt, &c.DoomedAt, &c.Used)
		all = append(all, c)
		return err
	})
	return all, err
}

// CodeUsers implements cloud.Store.
func (s *Store) CodeUsers(ctx context.Context, sum string, limit int) ([]cloud.Function, error) {
	var all []cloud.Function
	err := s.read(ctx).rows("SELECT account, env, name FROM functions WHERE sum = $1 ORDER BY account, env, name LIMIT $2", []any{sum, limit},
		func(r *sql.Rows) error {
			f := cloud.Function{Sum: sum}
			err := r.Scan(&f.Account, &f.Env, &f.Name)
			all = append(all, f)
			return err
		})
	return all, err
}

// DoomCode implements cloud.Store. One statement compares and decides: a use
// that was committed since the row was read has changed used_at.
func (s *Store) DoomCode(ctx context.Context, c cloud.CodeRow, at int64, rec cloud.Record) (bool, error) {
	return s.swap(ctx, c.Sum, rec, "UPDATE code SET doomed_at = $1 WHERE sum = $2 AND used_at = $3 AND doomed_at = $4 "+
		"AND NOT EXISTS (SELECT 1 FROM functions WHERE sum = $2)", at, c.Sum, c.UsedAt, c.DoomedAt)
}

// ForgetCode implements cloud.Store.
func (s *Store) ForgetCode(ctx context.Context, sum string, doomedAt int64) error {
	return s.writer.writeFor(ctx, sum, func(t *tx) error {
		_, err := t.exec("DELETE FROM code WHERE sum = $1 AND doomed_at = $2", sum, doomedAt)
		return err
	})
}
