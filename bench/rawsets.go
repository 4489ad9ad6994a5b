package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite"
)

// What the store writes for a set, and the settings it writes with: those of
// internal/sqlstore. The audit records of one transaction are one row.
const (
	rawSettings = "_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(32768)&_pragma=cache_size(-32768)"
	rawUpdate = "UPDATE environments SET api_whitelist = $1, version = $2, set_version = $3, set_open = $4 " +
		"WHERE account = $5 AND id = $6 AND version <= $3"
	rawHistory = "INSERT INTO permission_history (account, env, version, at, rid, operator, platform, open, flipped, api_whitelist) " +
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	rawAudit     = "INSERT INTO audit (first_at, batch, records) VALUES ($1, $2, $3)"
	rawRecord    = "12 bytes rid %s set env %s open=true entries=1 version=%d\n" // as long as a packed record
	rawWhitelist = `["/wxa/msg_sec_check"]`
)

// rawSets writes what sets write, in batches of setsPerBatch to a synced
// transaction, on one connection with prepared statements, into a copy of the
// server's database: what SQLite gives when nothing stands before it.
func rawSets(orders rawOrders) (rawReport, error) {
	ctx := context.Background()
	address := url.URL{Scheme: "file", OmitHost: true, Path: orders.Path, RawQuery: rawSettings}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return rawReport{}, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	w := &rawWriter{ctx: ctx, programs: orders.MiniPrograms, first: time.Now().UnixMicro()}
	if w.conn, err = db.Conn(ctx); err != nil {
		return rawReport{}, err
	}
	defer w.conn.Close()
	for text, into := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE": &w.begin, rawUpdate: &w.update, rawHistory: &w.history, rawAudit: &w.audit, "COMMIT": &w.commit,
	} {
		if *into, err = w.conn.PrepareContext(ctx, text); err != nil {
			return rawReport{}, err
		}
		defer (*into).Close()
	}
	return timed(orders, setsPerBatch, w.batch)
}

// rawWriter is the one connection and how far it has come.
type rawWriter struct {
	ctx                                   context.Context
	conn                                  *sql.Conn
	begin, update, history, audit, commit *sql.Stmt
	programs                              int
	first                                 int64 // version: above any that an earlier pair has set
	sets, batches                         int
	records                               []byte
}

func (w *rawWriter) batch() error {
	if _, err := w.begin.ExecContext(w.ctx); err != nil {
		return err
	}
	now := time.Now()
	w.records = w.records[:0]
	for range setsPerBatch {
		if err := w.set(now); err != nil {
			return err
		}
	}
	w.batches++
	name := fmt.Sprintf("raw-%d-%d", w.first, w.batches)
	if _, err := w.audit.ExecContext(w.ctx, now.UnixMilli(), name, string(w.records)); err != nil {
		return err
	}
	_, err := w.commit.ExecContext(w.ctx)
	return err
}

// set writes one set, each time to another of as many environments as the load
// has, spread over the table.
func (w *rawWriter) set(now time.Time) error {
	rows := min(w.programs, setClients*setEnvironments)
	round, row := w.sets/rows, w.sets%rows*7919%rows*(w.programs/rows)
	w.sets++
	appid, env, version := benchAppID(row), benchEnv(row), w.first+2*int64(round)
	done, err := w.update.ExecContext(w.ctx, rawWhitelist, version+2, version, true, appid, env)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%s: %d rows changed", env, n))
	}
	rid := fmt.Sprintf("%08x-%08x-%08x", now.Unix(), w.batches, w.sets)
	if _, err := w.history.ExecContext(
		w.ctx, appid, env, version+2, now.UnixMilli(), rid, false, benchPlatform, true, false, rawWhitelist,
	); err != nil {
		return err
	}
	w.records = fmt.Appendf(w.records, rawRecord, appid, env, version)
	return nil
}

// copyDatabase copies a database that nobody writes to, with its write-ahead
// log.
func copyDatabase(from, to string) error {
	return errors.Join(removeDatabase(to), copyFile(from, to), copyFile(from+"-wal", to+"-wal"))
}

// copyFile copies a file, if it is there.
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
