package sqlstore

import (
	"context"
	"database/sql"
)

// checkIntegrity implements engine: it reads every page and index.
func (d *sqliteDB) checkIntegrity(ctx context.Context, found func(what string) error) error {
	db, err := d.openSession(false)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return wrapSQLite(err)
	}
	defer rows.Close()
	return eachFault(rows, found)
}

func eachFault(rows *sql.Rows, found func(what string) error) error {
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return wrapSQLite(err)
		}
		if what == "ok" {
			continue
		}
		if err := found("the database file: " + what); err != nil {
			return err
		}
	}
	return wrapSQLite(rows.Err())
}
