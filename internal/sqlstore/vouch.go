package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// vouchPage is how many rows one change vouches for.
const vouchPage = 500

// allVouched is the row of meta that tells that every row has its MAC, up to which
// era.
const allVouched = "rows_vouched"

// Vouching is which rows are given a MAC when a store is opened.
type Vouching int

const (
	// VouchNone is for a database that servers of an earlier version may be
	// using: they change rows and leave the MACs as they are.
	VouchNone Vouching = iota
	// VouchOnce is for a database that no other server uses: every row is given
	// one, once.
	VouchOnce
	// VouchAgain gives every row a right one, also if it had one that is false.
	VouchAgain
)

// VouchedSchema is the first schema all of whose rows have the MACs of the last era.
const VouchedSchema = 37

// Guard begins to vouch for rows, and must come before any other use of the
// store. Once every row has been given a MAC, which the database remembers,
// rows whose MAC is false are refused: enforced. In a database without rows
// that is so at once. Until a database of an earlier era is vouched for wholly, only
// what that era vouches for is refused. vouched is how many were given one now.
func (s *Store) Guard(ctx context.Context, v Voucher, which Vouching) (enforced bool, vouched int64, err error) {
	g := &guard{voucher: v}
	s.setGuard(g)
	var mark string
	err = s.read(ctx).row("SELECT value FROM meta WHERE name = $1", []any{allVouched}, &mark)
	if err == nil {
		n, bad := strconv.Atoi(mark)
		g.enforced, err = era(n), bad
	}
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return false, 0, err
	}
	if g.enforced >= lastEra && which != VouchAgain {
		return true, 0, nil
	}
	if which == VouchNone {
		if g.enforced > 0 {
			return false, 0, nil
		}
		if err := s.CheckEmpty(ctx); errors.Is(err, ErrNotEmpty) {
			return false, 0, nil
		} else if err != nil {
			return false, 0, err
		}
	}
	// What an earlier era vouches for has its MACs, or was altered since.
	leave := func(g grant, _ string) bool { return which != VouchAgain && g.since <= s.guard.enforced }
	if vouched, err = s.vouchAll(ctx, leave); err != nil {
		return false, vouched, err
	}
	err = s.writer.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, allVouched, strconv.Itoa(int(lastEra)))
		return err
	})
	if err == nil {
		g.enforced = lastEra
	}
	return err == nil, vouched, err
}

// Refused returns how many rows were read and refused.
func (s *Store) Refused() uint64 { return s.guard.refused.Load() }

// VouchNew vouches for rows that have no MAC: those of an archive of an earlier
// version, which itself is vouched for.
func (s *Store) VouchNew(ctx context.Context) (int64, error) {
	return s.vouchAll(ctx, func(_ grant, mac string) bool { return mac != "" })
}

// vouchAll vouches for every row that has no right MAC, but for those to leave.
func (s *Store) vouchAll(ctx context.Context, leave func(g grant, mac string) bool) (vouched int64, err error) {
	check := &guard{voucher: s.guard.voucher, enforced: lastEra}
	for _, g := range grants {
		update := ""
		err = s.eachPage(ctx, g, func(rows []grantedRow) error {
			rows = slices.DeleteFunc(rows, func(r grantedRow) bool {
				return leave(g, r.mac) || check.check(g, r.mac, r.values...) == nil
			})
			if len(rows) == 0 {
				return nil
			}
			if update == "" {
				if update, err = g.updatePage(s.loadRows()); err != nil {
					return err
				}
			}
			n, err := s.vouchPage(ctx, g, update, check, rows)
			vouched += n
			return err
		})
		if err != nil {
			return vouched, err
		}
	}
	return vouched, nil
}

// vouchPage vouches for rows in their order, unless they were changed meanwhile and so
// have their MACs. Where there are fewer than one statement takes, the rest of it is
// NULL, which no row equals: so each table has one statement.
func (s *Store) vouchPage(
	ctx context.Context, g grant, update string, by *guard, rows []grantedRow,
) (vouched int64, err error) {
	span := slices.Concat(rows[0].values[:len(g.key)], rows[len(rows)-1].values[:len(g.key)])
	err = s.bulkWriter.write(ctx, func(t *tx) error {
		vouched = 0
		if err := t.lock(g.lockPage(), span...); err != nil {
			return err
		}
		for some := range slices.Chunk(rows, s.loadRows()) {
			args := make([]any, len(span)+s.loadRows()*(1+len(rows[0].values)))
			rest := args[copy(args, span):]
			for _, r := range some {
				rest[0] = by.vouch(g, r.values...)
				rest = rest[1+copy(rest[1:], r.values):]
			}
			n, err := t.exec(update, args...)
			if err != nil {
				return err
			}
			vouched += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return vouched, nil
}

// grantedRow is a row of which something is vouched for.
type grantedRow struct {
	values []any
	mac    string
}

// eachPage gives all rows of a table to each, page by page.
func (s *Store) eachPage(ctx context.Context, g grant, each func([]grantedRow) error) error {
	query := g.query()
	order := " ORDER BY " + strings.Join(g.key, ", ") + " LIMIT " + strconv.Itoa(vouchPage)
	var after []any
	for {
		where := ""
		if after != nil {
			where = " WHERE (" + strings.Join(g.key, ", ") + ") > (" + parameters(1, len(g.key)) + ")"
		}
		var page []grantedRow
		err := s.read(ctx).rows(query+where+order, after, func(r *sql.Rows) error {
			values, mac, err := g.scan(r)
			page = append(page, grantedRow{values, mac})
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].values[:len(g.key):len(g.key)]
		if err := each(page); err != nil {
			return err
		}
	}
}

// CheckRows implements cloud.Store.
func (s *Store) CheckRows(ctx context.Context, found func(what string) error) error {
	if err := s.checkIntegrity(ctx, found); err != nil {
		return err
	}
	for _, g := range grants {
		err := s.eachPage(ctx, g, func(rows []grantedRow) error {
			for _, r := range rows {
				if s.guard.check(g, r.mac, r.values...) == nil {
					continue
				}
				if err := found(g.name(r.values) + ": its MAC is false"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
