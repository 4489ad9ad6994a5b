package testserver

import (
	"database/sql"
	"os"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestDatabasesAreFresh(t *testing.T) {
	for range 2 {
		if _, err := open(t, PostgresURL(t)).Exec("CREATE TABLE facts (name TEXT PRIMARY KEY)"); err != nil {
			t.Error(err)
		}
	}
}

// What was committed is there after a kill, and on the standby at once.
func TestKillAndPromote(t *testing.T) {
	s := StartPostgres(t, Setting("default_transaction_isolation", "serializable"))
	url := s.Database()
	db := open(t, url)
	if _, err := db.Exec("CREATE TABLE facts (name TEXT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Restart()
	standby := s.Standby()
	db = open(t, url)
	if _, err := db.Exec("INSERT INTO facts (name) VALUES ('one')"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	standby.Promote()
	var name, isolation string
	db = open(t, standby.URL("test_1"))
	if err := db.QueryRow("SELECT name FROM facts").Scan(&name); err != nil || name != "one" {
		t.Errorf("the promoted standby has %q, %v", name, err)
	}
	err := db.QueryRow("SHOW default_transaction_isolation").Scan(&isolation)
	if err != nil || isolation != "serializable" {
		t.Errorf("its isolation is %q, %v", isolation, err)
	}
}

func TestNothingIsLeft(t *testing.T) {
	find(t)
	var s *Postgres
	t.Run("uses a server", func(t *testing.T) { s = StartPostgres(t) })
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) || !s.process.ended() {
		t.Errorf("the folder or the server is still there: %v", err)
	}
}
