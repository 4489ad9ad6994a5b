package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"path"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Who uses a server. Password is that of the URLs given out, for tests that
// want it to be nowhere else.
const (
	administrator = "postgres"
	owner         = "opentcb"
	Password      = "hunter2-of-testserver"
)

// URL returns the URL of a database of the server, with its owner's password.
func (s *Postgres) URL(database string) string {
	return "postgres://" + owner + ":" + Password + "@" + s.Address() + "/" + database
}

// Database makes an empty database and returns its URL.
func (s *Postgres) Database() string {
	s.t.Helper()
	return s.Copy(s.URL("template0"))
}

// Copy makes a copy of a database that nobody uses and returns its URL.
func (s *Postgres) Copy(address string) string {
	s.t.Helper()
	copied, err := s.copyOf(path.Base(address))
	if err != nil {
		s.t.Fatal(err)
	}
	return copied
}

func (s *Postgres) copyOf(template string) (string, error) {
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	err := s.exec("CREATE DATABASE " + name + " OWNER " + owner + " TEMPLATE " + template)
	return s.URL(name), err
}

// Exec runs a statement as the administrator, outside the databases of tests.
func (s *Postgres) Exec(statement string) {
	s.t.Helper()
	if err := s.exec(statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

func (s *Postgres) exec(statement string) error {
	_, err := s.ask(statement)
	return err
}

// ask returns the first column of the first row, "" if there is none.
func (s *Postgres) ask(query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.askWithin(ctx, query)
}

func (s *Postgres) askWithin(ctx context.Context, query string) (string, error) {
	// A standby takes no serializable transactions.
	db, err := sql.Open("pgx", "postgres://"+administrator+"@"+s.Address()+
		"/postgres?sslmode=disable&default_transaction_isolation=read%20committed")
	if err != nil {
		return "", err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var v sql.NullString
	if rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return "", err
		}
	}
	return v.String, rows.Err()
}
