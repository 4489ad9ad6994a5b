package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// lastPush is the number of the last id that this process has made.
var lastPush atomic.Int64

// pushIDAt is the id of a push recorded at a time, after all of before: ids are in the order of
// time, to the microsecond and some more.
func pushIDAt(at time.Time) string { return fmt.Sprintf("%016x", at.UnixMicro()<<12) }

// newPushID returns an id that is later than all that this process has made.
func newPushID() string {
	for {
		last := lastPush.Load()
		next := max(time.Now().UnixMicro()<<12|time.Now().UnixNano()&0xfff, last+1)
		if lastPush.CompareAndSwap(last, next) {
			return fmt.Sprintf("%016x", next)
		}
	}
}

// after returns an id that is later than another too: another server, whose clock is
// ahead, may have made that.
func after(id, other string) string {
	if id > other {
		return id
	}
	n, err := strconv.ParseInt(other, 16, 64)
	if err != nil {
		return id // no server has written that
	}
	return fmt.Sprintf("%016x", n+1)
}

// recordPush records a push. It ends the tries of what is open of the same Mini
// Program, or of tickets, for the same address: at once, or with the one under way.
func (t *tx) recordPush(p cloud.Push, at int64) (cloud.Push, error) {
	key := []any{p.Platform, p.AppID, p.URL}
	var latest string
	err := t.row(openOf, key, &latest)
	if err == nil && latest != "" {
		_, err = t.exec(supersedePushes, key...)
	}
	if err != nil {
		return p, err
	}
	p.ID, p.At, p.State = after(newPushID(), latest), at, cloud.PushWaiting
	_, err = t.exec(`INSERT INTO pushes (platform, id, url, kind, appid, refresh_mac, pre_auth_code, at,
			state, lane, due_at, tries, tried_at, status, answer, success, fault)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, '', FALSE, '')`,
		p.Platform, p.ID, p.URL, p.Kind, p.AppID, p.RefreshMAC, p.PreAuthCode, p.At, p.State, p.Lane)
	return p, err
}

// The numbers of states stand in these statements as they are: not every database
// can tell what type a parameter in a CASE has.
var (
	supersedePushes = fmt.Sprintf(`UPDATE pushes SET state = CASE WHEN state = %d THEN %d ELSE %d END
		WHERE platform = $1 AND appid = $2 AND url = $3 AND state < 3`,
		cloud.PushWaiting, cloud.PushSuperseded, cloud.PushLastTry)
	endPush = fmt.Sprintf(`UPDATE pushes SET state = CASE WHEN state = %d THEN %%d ELSE %%d END,
			due_at = $4, tried_at = $5, status = $6, answer = $7, success = $8, fault = $9
		WHERE platform = $1 AND id = $2 AND tries = $3 AND state IN (%d, %[1]d)`, cloud.PushLastTry, cloud.PushUnderWay)
)

const selectPushes = `SELECT p.platform, p.id, p.url, p.kind, p.appid, p.refresh_mac, p.pre_auth_code, p.at,
	p.state, p.lane, p.due_at, p.tries, p.tried_at, p.status, p.answer, p.success, p.fault, COALESCE(e.sealed, '')
	FROM pushes p LEFT JOIN event_addresses e ON e.platform = p.platform AND e.url = p.url `

func scanPush(r *sql.Rows) (p cloud.Push, err error) {
	return p, r.Scan(&p.Platform, &p.ID, &p.URL, &p.Kind, &p.AppID, &p.RefreshMAC, &p.PreAuthCode, &p.At,
		&p.State, &p.Lane, &p.DueAt, &p.Tries, &p.Last.At, &p.Last.Status, &p.Last.Answer, &p.Last.Success, &p.Last.Fault,
		&p.Sealed)
}

// duePushes selects what is due of a lane. That a push is open is said in words that
// the index of these has. What the try under way of an older one holds up comes
// later: it must not overtake that. An id in an expression keeps SQLite from reading
// all pushes of the platform in the order of their ids, here and in openOf.
var duePushes = selectPushes + `WHERE p.state < 3 AND p.lane = $1 AND p.due_at <= $2
	AND p.url NOT IN (` + parameters(4, cloud.MaxPushes) + `)
	AND NOT EXISTS (SELECT 1 FROM pushes o WHERE o.platform = p.platform AND o.appid = p.appid AND o.url = p.url
		AND o.state < 3 AND o.state = 2 AND o.due_at > $2 AND o.id || '' < p.id)
	ORDER BY p.due_at, p.id LIMIT $3`

// openOf selects the latest id of what is open of a Mini Program at an address.
const openOf = `SELECT COALESCE(max(id || ''), '') FROM pushes
	WHERE platform = $1 AND appid = $2 AND url = $3 AND state < 3`

// parameters are that many, from the number first on.
func parameters(first, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(all, ", ")
}

// DuePushes implements cloud.Store.
func (s *Store) DuePushes(
	ctx context.Context, lane cloud.Lane, now int64, full []string, limit int,
) ([]cloud.Push, error) {
	args := []any{lane, now, limit}
	for i := range cloud.MaxPushes {
		address := ""
		if i < len(full) {
			address = full[i]
		}
		args = append(args, address)
	}
	return scanAll(s.read(ctx), scanPush, duePushes, args...)
}

// TakePushes implements cloud.Store.
func (s *Store) TakePushes(ctx context.Context, due []cloud.Push, until int64) (taken []cloud.Push, err error) {
	due = slices.SortedFunc(slices.Values(due), func(a, b cloud.Push) int { // so that no two servers wait for each other
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.ID, b.ID))
	})
	err = s.writer.write(ctx, func(t *tx) error {
		taken = nil
		for _, p := range due {
			was := []any{p.Platform, p.ID, p.State, p.Tries, p.DueAt}
			const as = " WHERE platform = $1 AND id = $2 AND state = $3 AND tries = $4 AND due_at = $5"
			if p.State == cloud.PushLastTry { // its server ended in the middle
				if _, err := t.exec("UPDATE pushes SET state = $6"+as, append(was, cloud.PushSuperseded)...); err != nil {
					return err
				}
				continue
			}
			p.State, p.DueAt, p.Tries = cloud.PushUnderWay, until, p.Tries+1
			n, err := t.exec("UPDATE pushes SET state = $6, due_at = $7, tries = $8"+as, append(was, p.State, p.DueAt, p.Tries)...)
			if err != nil {
				return err
			}
			if n > 0 {
				taken = append(taken, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// EndPush implements cloud.Store.
func (s *Store) EndPush(ctx context.Context, p cloud.Push, end cloud.PushEnd) error {
	return s.writer.writeFor(ctx, p.AppID, func(t *tx) error {
		superseded := cloud.PushSuperseded
		if end.State == cloud.PushDelivered {
			superseded = cloud.PushDelivered // it was all the same
		}
		n, err := t.exec(fmt.Sprintf(endPush, superseded, end.State), p.Platform, p.ID, p.Tries, end.DueAt,
			end.Last.At, end.Last.Status, end.Last.Answer, end.Last.Success, end.Last.Fault)
		if err != nil || n == 0 {
			return err
		}
		if end.Lane != p.Lane {
			for _, rows := range []string{"event_addresses", "pushes"} {
				open := map[string]string{"pushes": " AND state < 3"}[rows]
				_, err := t.exec("UPDATE "+rows+" SET lane = $3 WHERE platform = $1 AND url = $2"+open, p.Platform, p.URL, end.Lane)
				if err != nil {
					return err
				}
			}
		}
		if end.TicketAt == 0 {
			return nil
		}
		_, err = t.exec("UPDATE event_addresses SET ticket_sent = $3 WHERE platform = $1 AND url = $2",
			p.Platform, p.URL, end.TicketAt)
		return err
	})
}

// DueTickets implements cloud.Store.
func (s *Store) DueTickets(ctx context.Context, now, last int64, limit int) ([]cloud.DueTicket, error) {
	fields := func(d *cloud.DueTicket) []any { return []any{&d.Platform, &d.URL, &d.At} }
	return collect(s.read(ctx), fields, `SELECT e.platform, e.url, e.ticket_at FROM event_addresses e
		JOIN accounts a ON a.appid = e.platform
		WHERE (e.ticket_at <= $1 OR e.ticket_at > $2) AND a.disabled = 0 LIMIT $3`, now, last, limit)
}

// RecordTickets implements cloud.Store.
func (s *Store) RecordTickets(
	ctx context.Context, due []cloud.DueTicket, next func(cloud.DueTicket) int64, now int64,
) error {
	return s.writer.write(ctx, func(t *tx) error {
		for _, d := range due {
			p := cloud.Push{Platform: d.Platform, URL: d.URL, Kind: tcb.EventTicket}
			err := t.row(`UPDATE event_addresses SET ticket_at = $4 WHERE platform = $1 AND url = $2 AND ticket_at = $3
				RETURNING lane`, []any{d.Platform, d.URL, d.At, next(d)}, &p.Lane)
			if errors.Is(err, cloud.ErrNotFound) { // another server was first
				continue
			}
			if err == nil {
				_, err = t.recordPush(p, now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// recordTicket records a ticket for an address.
func (t *tx) recordTicket(platform, url string, at int64) (cloud.Push, error) {
	p := cloud.Push{Platform: platform, URL: url, Kind: tcb.EventTicket}
	err := t.row("SELECT lane FROM event_addresses WHERE platform = $1 AND url = $2", []any{platform, url}, &p.Lane)
	if err != nil {
		return p, err
	}
	return t.recordPush(p, at)
}

// PushTickets implements cloud.Store.
func (s *Store) PushTickets(ctx context.Context, platform string, rec cloud.Record) (made []cloud.Push, err error) {
	err = s.writer.writeFor(ctx, platform, func(t *tx) error {
		made = nil
		all, err := t.eventAddresses(platform)
		for _, a := range all {
			if err == nil {
				var p cloud.Push
				p, err = t.recordTicket(platform, a.URL, rec.At)
				made = append(made, p)
			}
		}
		t.record(rec)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// TicketSent implements cloud.Store.
func (s *Store) TicketSent(ctx context.Context, platform string) (at int64, err error) {
	return at, s.read(ctx).row("SELECT COALESCE(max(ticket_sent), 0) FROM event_addresses WHERE platform = $1",
		[]any{platform}, &at)
}

// Push implements cloud.Store.
func (s *Store) Push(ctx context.Context, platform, id string) (cloud.Push, error) {
	return scanOne(s.read(ctx), scanPush, selectPushes+"WHERE p.platform = $1 AND p.id = $2", platform, id)
}

// Pushes implements cloud.Store.
func (s *Store) Pushes(
	ctx context.Context, platform string, f cloud.PushFilter, p cloud.Page,
) ([]cloud.Push, error) {
	sel := selection{args: []any{platform}}
	sel.isText("p.kind", f.Kind)
	sel.isText("p.appid", f.AppID)
	if f.State.Given {
		sel.where += " AND p.state IN (" + statesCalled(f.State.Value) + ")"
	}
	if len(p.After) > 0 {
		sel.args = append(sel.args, p.After[0])
		sel.where += fmt.Sprintf(" AND p.id < $%d", len(sel.args))
	}
	query := fmt.Sprintf("%sWHERE p.platform = $1%s ORDER BY p.id DESC LIMIT $%d", selectPushes, sel.where, len(sel.args)+1)
	return scanAll(s.read(ctx), scanPush, query, append(sel.args, p.Limit)...)
}

// statesCalled are the states of that name, for a query.
func statesCalled(name string) string {
	all := []string{"-1"}
	for state := cloud.PushWaiting; state <= cloud.PushGivenUp; state++ {
		if state.String() == name {
			all = append(all, strconv.Itoa(int(state)))
		}
	}
	return strings.Join(all, ", ")
}

// PushAgain implements cloud.Store.
func (s *Store) PushAgain(ctx context.Context, p cloud.Push, rec cloud.Record) error {
	return s.writer.writeFor(ctx, p.AppID, func(t *tx) error {
		err := t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", p.AppID, p.Platform)
		if err == nil && p.Kind != tcb.EventTicket {
			err = t.none("pushes WHERE platform = $1 AND id > $2 AND appid = $3 AND url = $4", p.Platform, p.ID, p.AppID, p.URL)
		}
		if err != nil {
			return err
		}
		var lane cloud.Lane
		err = t.row("SELECT lane FROM event_addresses WHERE platform = $1 AND url = $2", []any{p.Platform, p.URL}, &lane)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return err
		}
		// One under way is being sent, and goes on.
		_, err = t.exec(`UPDATE pushes SET state = $3, lane = $4, due_at = 0, tries = 0
			WHERE platform = $1 AND id = $2 AND state NOT IN ($5, $6)`,
			p.Platform, p.ID, cloud.PushWaiting, lane, cloud.PushUnderWay, cloud.PushLastTry)
		t.record(rec)
		return err
	})
}

// PrunePushes implements cloud.Store.
func (s *Store) PrunePushes(ctx context.Context, before time.Time, kept int) error {
	for platform := ""; ; {
		err := s.read(ctx).row("SELECT platform FROM pushes WHERE platform > $1 ORDER BY platform LIMIT 1",
			[]any{platform}, &platform)
		if errors.Is(err, cloud.ErrNotFound) {
			return nil
		}
		bound := pushIDAt(before)
		if err == nil {
			var beyond string // the latest that need not be kept
			err = s.read(ctx).row("SELECT id FROM pushes WHERE platform = $1 ORDER BY id DESC LIMIT 1 OFFSET $2",
				[]any{platform, kept}, &beyond)
			if errors.Is(err, cloud.ErrNotFound) {
				err = nil
			}
			bound = max(bound, beyond)
		}
		if err == nil {
			err = s.deleteInSteps(ctx, `DELETE FROM pushes WHERE platform = $1 AND id IN (SELECT id FROM pushes
				WHERE platform = $1 AND id <= $2 AND state >= 3 ORDER BY id LIMIT $3)`, platform, bound)
		}
		if err != nil {
			return err
		}
	}
}
