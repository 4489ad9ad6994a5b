package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// worldStep is how many Mini Programs one transaction of a fill writes.
const worldStep = 50_000

// Every Mini Program of a large world has these.
const (
	worldEnvironments = 2
	worldFunctions    = 5 // of the first environment
)

// worldSQL writes the Mini Programs from $1 to before $2, in SQL that SQLite
// and Postgres both take but for how they write numbers in hex. Function code
// is pseudo-random, so that rows fall as widely as real checksums do.
var worldSQL = []string{
	"INSERT INTO accounts (appid, is_platform, cloud, open) SELECT APPID, FALSE, TRUE, TRUE FROM n",
	"INSERT INTO authorizations (appid, platform, in_force, epoch, sets, refresh_mac, issued) SELECT APPID, 'PLATFORM', TRUE, 1, '[18,49]', '', '' FROM n",
	"INSERT INTO environments (account, id, api_whitelist, version, set_version, set_open) SELECT APPID, ENV, '[\"/wxa/msg_sec_check\",\"/cgi-bin/*\"]', 2, -1, TRUE FROM n JOIN e ON TRUE",
	"INSERT INTO permission_history (account, env, version, at, rid, operator, platform, open, flipped, api_whitelist) " +
		"SELECT APPID, ENV, 2, 1790000000000, 'start', TRUE, '', TRUE, FALSE, '[\"/wxa/msg_sec_check\",\"/cgi-bin/*\"]' FROM n JOIN e ON TRUE",
	"INSERT INTO code (sum, used_at, doomed_at) SELECT SUM, 1790000000000, 0 FROM n JOIN f ON TRUE WHERE TRUE ON CONFLICT (sum) DO NOTHING",
	"INSERT INTO functions (account, env, name, owner, owner_epoch, sum, size, handler, install_dependency, added_at, modified_at) " +
		"SELECT APPID, FIRSTENV, 'function-' || k, 'PLATFORM', 0, SUM, 20000, 'index.main', FALSE, 1790000000000, 1790000000000 FROM n JOIN f ON TRUE",
}

const worldNumbers = "WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2), " +
	"e(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM e WHERE j + 1 < 2), f(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM f WHERE k + 1 < 5) "

// worldWords is what the words in capitals of worldSQL stand for.
func worldWords(postgres bool) *strings.Replacer {
	hex := func(width int, number string) string {
		if postgres {
			return fmt.Sprintf("lpad(to_hex(%s), %d, '0')", number, width)
		}
		return fmt.Sprintf("printf('%%0%dx', %s)", width, number)
	}
	decimal := "printf('%07d', i)"
	if postgres {
		decimal = "lpad(i::text, 7, '0')"
	}
	var sum []string
	for part := range 8 {
		sum = append(sum, hex(8, fmt.Sprintf("((i * 5 + k) * 2654435761 + %d) %% 4294967296", part*40503)))
	}
	return strings.NewReplacer(
		"APPID", "'wx' || "+hex(16, "i"), "FIRSTENV", "'bench-' || "+decimal,
		"ENV", "'bench-' || "+decimal+" || CASE j WHEN 0 THEN '' ELSE '-' || j END",
		"PLATFORM", benchPlatform, "SUM", strings.Join(sum, " || "),
	)
}

// fillWorld writes n Mini Programs, the first numbered 0, into a database that
// has the schema and the platform.
func fillWorld(ctx context.Context, db *sql.DB, postgres bool, n int, progress func(done int)) error {
	words := worldWords(postgres)
	for first := 0; first < n; first += worldStep {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for _, text := range worldSQL {
			insert, query, _ := strings.Cut(text, "SELECT ")
			statement := worldNumbers + insert + "SELECT " + query
			if _, err := tx.ExecContext(ctx, words.Replace(statement), first, min(first+worldStep, n)); err != nil {
				_ = tx.Rollback()
				return fmt.Errorf("%.60s…: %w", text, err)
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		progress(min(first+worldStep, n))
	}
	return nil
}
