package node_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"
)

// TestPushesKept: of what was pushed a start forgets what is older than seven days, and
// of each platform all but the latest 100,000.
//
// Proves: PU-15
func TestPushesKept(t *testing.T) {
	b := pushBench(t)
	b.ok(b.node.Shutdown(t.Context()))
	db, err := sql.Open("sqlite", filepath.Join(b.cfg.Data, "opentcb.db"))
	b.ok(err)
	defer db.Close()
	add := func(platform string, at time.Time, rows int) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $3)
			INSERT INTO pushes (platform, id, url, kind, appid, refresh_mac, pre_auth_code, at,
				state, lane, due_at, tries, tried_at, status, answer, success, fault)
			SELECT $1, printf('%016x', $2 + n), 'http://127.0.0.1/', 'authorized', '', '', '', 0, 3, 0, 0, 1, 0, 200, '', TRUE, '' FROM c`,
			platform, at.UnixMicro()<<12, rows)
		b.ok(err)
	}
	const day, most = 24 * time.Hour, 100_000
	add(pushPlatform, time.Now().Add(-day), most+10)
	add(pushOther, time.Now().Add(-7*day-time.Hour), 3)
	add(pushOther, time.Now().Add(-7*day+time.Hour), 2)
	b.ok(b.start())
	kept := func(platform string) (n int) {
		b.ok(db.QueryRowContext(t.Context(), "SELECT count(*) FROM pushes WHERE platform = $1", platform).Scan(&n))
		return n
	}
	b.until("the rest is forgotten", func() bool {
		return kept(pushPlatform) <= most && kept(pushOther) <= 2
	})
	if n, m := kept(pushPlatform), kept(pushOther); n != most || m != 2 {
		t.Errorf("%d and %d are kept, want %d and 2", n, m, most)
	}
}
