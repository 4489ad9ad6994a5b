package sqlstore

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/opentcb/opentcb/internal/cloud"
)

// This file is what tells a row that grants something from one that somebody
// else has written, or that a disk has altered. Such a row has a MAC of its key
// and of what it grants. It is made by whatever changes these, and checked when
// the row is read.

// Voucher makes and checks MACs under a key that is derived from the master key
// for rows alone.
type Voucher interface {
	Vouch(text []byte) string
	// CheckVouch returns nil if Vouch returned vouched for the text.
	CheckVouch(text []byte, vouched string) error
}

// grant is what is vouched for in the rows of a table.
type grant struct {
	table   string
	key     []string
	members []string
	macs    string // the table of the MACs, with the same key; "": they are in a column
	// later are members that were added since: vouched for where they are not zero,
	// so that rows of before keep their MACs.
	later []string
	since era // in which its rows were first vouched for
}

// era is how much a database vouches for: a later one knows more tables.
type era int

const (
	firstEra era = 1 + iota
	lastEra      // with env_credentials
)

// The tables whose rows grant something. Not vouched for are members whose
// alteration takes something away, or that change with each token.
var (
	grantedSwitch = grant{"accounts", []string{"appid"}, []string{"open"}, "", []string{"disabled"}, firstEra}
	grantedList   = grant{"environments", []string{"account", "id"}, []string{"api_whitelist"}, "", nil, firstEra}
	grantedCode   = grant{"functions", []string{"account", "env", "name"},
		[]string{"owner", "owner_epoch", "sum"}, "", nil, firstEra}
	granted = grant{"authorizations", []string{"appid", "platform"},
		[]string{"in_force", "epoch", "sets", "refresh_mac"}, "authorization_macs", nil, firstEra}
	grantedByCode = grant{"auth_codes", []string{"platform", "code_mac"},
		[]string{"appid", "epoch", "expires_at"}, "", nil, firstEra}
	grantedRefresh = grant{"refresh_tokens", []string{"appid", "platform", "refresh_mac"},
		[]string{"epoch", "place", "since"}, "", nil, firstEra}
	grantedSets       = grant{"platform_sets", []string{"appid"}, []string{"sets"}, "", nil, firstEra}
	grantedCalls      = grant{"platform_limits", []string{"appid"}, []string{"quotas", "ip_whitelist"}, "", nil, firstEra}
	grantedCredential = grant{"env_credentials", []string{"account", "env"}, []string{"epoch"}, "", nil, lastEra}
	// No row of it is older than its MAC, so it needs no era of its own.
	grantedRuntime = grant{"env_runtimes", []string{"account", "env"}, []string{"runtime"}, "", nil, lastEra}

	grantedHosts   = grant{"platform_hosts", []string{"appid"}, []string{"hosts"}, "", nil, firstEra}
	grantedConsent = grant{"consent_codes", []string{"appid", "code_mac"}, []string{"expires_at"}, "", nil, firstEra}

	grants = []grant{
		grantedHosts, grantedConsent,
		grantedSwitch, grantedList, grantedCode, granted, grantedByCode, grantedRefresh, grantedSets,
		grantedCalls, grantedCredential, grantedRuntime,
	}
)

// guard makes and checks the MACs of rows.
type guard struct {
	voucher  Voucher // nil: rows have no MAC
	enforced era     // rows that it knows are refused without a right one; 0: none
	refused  atomic.Uint64
}

// text returns what is vouched for of a row: its values, those of the key
// first, each after its length. Later members may be left out: they are zero then.
func (g grant) text(values []any) []byte {
	text := append(binary.AppendUvarint(nil, uint64(len(g.table))), g.table...)
	for i, v := range values {
		var s string
		switch v := v.(type) {
		case string:
			s = v
		case int64:
			s = strconv.FormatInt(v, 10)
		case bool:
			s = strconv.FormatBool(v)
		}
		if n := i - len(g.key) - len(g.members); n >= 0 {
			if s == "" || s == "0" || s == "false" {
				continue
			}
			s = g.later[n] + " " + s
		}
		text = append(binary.AppendUvarint(text, uint64(len(s))), s...)
	}
	return text
}

// vouch returns the MAC of a row with these values, "" if rows have none.
func (d *guard) vouch(g grant, values ...any) string {
	if d.voucher == nil {
		return ""
	}
	return d.voucher.Vouch(g.text(values))
}

// check returns an error that is cloud.ErrAltered unless the MAC of a row with
// these values is right.
func (d *guard) check(g grant, mac string, values ...any) error {
	if d.enforced < g.since {
		return nil
	}
	if err := d.voucher.CheckVouch(g.text(values), mac); err != nil {
		d.refused.Add(1)
		return fmt.Errorf("%w: %s", cloud.ErrAltered, g.name(values))
	}
	return nil
}

// name names a row. Nothing secret is in a key, but for what an authorization
// code or a consent code is recognized by.
func (g grant) name(values []any) string {
	shown := g.key
	if g.table == grantedByCode.table || g.table == grantedConsent.table {
		shown = shown[:1]
	}
	text := "a row of " + g.table
	for i, column := range shown {
		text += fmt.Sprintf(", %s %v", column, values[i])
	}
	return text
}

// columns are those of the key, and those that are granted.
func (g grant) columns() []string { return slices.Concat(g.key, g.members, g.later) }

// where is the condition for one row, whose key is given from the parameter
// number first on.
func (g grant) where(first int) string { return equal(g.key, first) }

func equal(columns []string, first int) string {
	var all []string
	for i, column := range columns {
		all = append(all, column+" = $"+strconv.Itoa(first+i))
	}
	return strings.Join(all, " AND ")
}

// query selects the columns and the MAC, which is ” for a row that has none.
func (g grant) query() string {
	from := g.table
	if g.macs != "" {
		from += " LEFT JOIN " + g.macs + " USING (" + strings.Join(g.key, ", ") + ")"
	}
	return "SELECT " + strings.Join(g.columns(), ", ") + ", COALESCE(mac, '') FROM " + from
}

// update gives the MAC $1 to the row with the key from $2 on.
func (g grant) update() string {
	if g.macs == "" {
		return "UPDATE " + g.table + " SET mac = $1 WHERE " + equal(g.key, 2)
	}
	key := strings.Join(g.key, ", ")
	return "INSERT INTO " + g.macs + " (" + key + ", mac) VALUES (" + parameters(2, len(g.key)) + ", $1)" + g.replace()
}

// replace ends an INSERT of MACs.
func (g grant) replace() string {
	return " ON CONFLICT (" + strings.Join(g.key, ", ") + ") DO UPDATE SET mac = excluded.mac"
}

// within is the condition for a page of rows: the first parameters are the key of its
// first row, and that of its last.
func (g grant) within() string {
	qualified := make([]string, len(g.key))
	for i, column := range g.key {
		qualified[i] = g.table + "." + column
	}
	key := "(" + strings.Join(qualified, ", ") + ")"
	return key + " >= (" + parameters(1, len(g.key)) + ") AND " + key + " <= (" + parameters(1+len(g.key), len(g.key)) + ")"
}

// lockPage locks the rows of a table from one key to another, in their order.
func (g grant) lockPage() string {
	key := strings.Join(g.key, ", ")
	return "SELECT " + key + " FROM " + g.table + " WHERE " + g.within() + " ORDER BY " + key
}

// updatePage gives that many rows of a page their MACs, those that still have such
// values: after the keys of the page the parameters are row by row a MAC and the columns.
func (g grant) updatePage(rows int) (string, error) {
	columns, next := g.columns(), 1+2*len(g.key)
	kinds, err := KindsOf(g.table, columns)
	page := "($" + strconv.Itoa(next)
	for i, kind := range kinds { // the first row says of what types all are
		typ := map[Kind]string{Text: "TEXT", Integer: "BIGINT", Boolean: "BOOLEAN"}[kind]
		page += ", CAST($" + strconv.Itoa(next+1+i) + " AS " + typ + ")"
	}
	for range rows - 1 {
		next += 1 + len(columns)
		page += "), (" + parameters(next, 1+len(columns))
	}
	with := "WITH page (mac, " + strings.Join(columns, ", ") + ") AS (VALUES " + page + ")) "
	if g.macs != "" {
		key := strings.Join(g.key, ", ")
		return with + "INSERT INTO " + g.macs + " (" + key + ", mac) SELECT " + key + ", page.mac FROM page JOIN " +
			g.table + " USING (" + strings.Join(columns, ", ") + ") WHERE " + g.within() + g.replace(), err
	}
	var same []string
	for _, column := range columns {
		same = append(same, g.table+"."+column+" = page."+column)
	}
	return with + "UPDATE " + g.table + " SET mac = page.mac FROM page WHERE " + g.within() + " AND " +
		strings.Join(same, " AND "), err
}

// scan returns the values of a row, in the order of columns and with the types
// of text, and its MAC.
func (g grant) scan(r *sql.Rows) (values []any, mac string, err error) {
	values = make([]any, len(g.columns()))
	fields := make([]any, len(values), len(values)+1)
	for i := range values {
		fields[i] = &values[i]
	}
	if err := r.Scan(append(fields, &mac)...); err != nil {
		return nil, "", err
	}
	kinds, err := KindsOf(g.table, g.columns())
	for i, kind := range kinds {
		values[i] = kind.value(values[i])
	}
	return values, mac, err
}

// checkRow checks a row that a change is going to build on. A row that is not
// there is right.
func (t *tx) checkRow(g grant, key ...any) error {
	if t.guard.enforced < g.since {
		return nil
	}
	return t.rows(g.query()+" WHERE "+g.where(1), key,
		func(r *sql.Rows) error {
			values, mac, err := g.scan(r)
			if err == nil {
				err = t.guard.check(g, mac, values...)
			}
			return err
		})
}

// vouchRow makes the MAC of a row that this transaction has changed.
func (t *tx) vouchRow(g grant, key ...any) error {
	if t.guard.voucher == nil {
		return nil
	}
	mac, found := "", false
	err := t.rows(g.query()+" WHERE "+g.where(1), key,
		func(r *sql.Rows) error {
			values, _, err := g.scan(r)
			mac, found = t.guard.vouch(g, values...), true
			return err
		})
	if err != nil || !found {
		return err
	}
	_, err = t.exec(g.update(), append([]any{mac}, key...)...)
	return err
}

// setGuard gives the store and its writers a guard, before they are used.
func (s *Store) setGuard(g *guard) { s.guard, s.writer.guard, s.bulkWriter.guard = g, g, g }
