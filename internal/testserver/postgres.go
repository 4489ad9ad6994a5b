package testserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Postgres is one PostgreSQL server: its data, its address, and its processes
// while it runs.
type Postgres struct {
	t        testing.TB // whose it is; nil if it is shared
	programs programs
	dir      string // temporary, removed with the server
	port     int
	process  process
	made     atomic.Int64 // databases
	standbys int
}

// Option is a setting of a server.
type Option string

// Setting sets a parameter as in postgresql.conf, such as
// "default_transaction_isolation" to "serializable".
func Setting(name, value string) Option {
	return Option(name + " = '" + strings.ReplaceAll(value, "'", "''") + "'\n")
}

// settings keep a server small.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 32MB
max_wal_size = 256MB
wal_level = replica
max_wal_senders = 4
hot_standby = on
fsync = on
synchronous_commit = on
full_page_writes = on
log_min_messages = warning
`

// StartPostgres starts a server of the test's own. It is stopped and removed when the
// test ends.
func StartPostgres(t testing.TB, opts ...Option) *Postgres {
	t.Helper()
	withoutTLS()
	s, err := create(find(t), opts...)
	if err == nil {
		s.t = t
		t.Cleanup(s.discard)
		err = s.launch()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withoutTLS makes connections to URLs that do not mention TLS go without it:
// the servers of the tests have none. Otherwise each connection is tried with
// TLS first, which takes half of the time there is.
func withoutTLS() { os.Setenv("PGSSLMODE", "disable") }

// create makes the data of a server.
func create(p programs, opts ...Option) (*Postgres, error) {
	dir, err := p.folder()
	if err != nil {
		return nil, err
	}
	s := &Postgres{programs: p, dir: dir}
	err = p.run("initdb", "-D", s.data(), "-U", administrator, "--auth=trust", "--encoding=UTF8", "--locale=C",
		"--no-sync", "--no-instructions")
	if err == nil {
		err = s.restrict()
	}
	if err == nil {
		err = s.configure(settings)
	}
	for _, o := range opts {
		err = errors.Join(err, s.configure(string(o)))
	}
	if err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

func (s *Postgres) data() string { return filepath.Join(s.dir, "data") }

// configure adds settings; the last of one name counts.
func (s *Postgres) configure(text string) error { return s.appendTo("postgresql.conf", text) }

func (s *Postgres) appendTo(name, text string) error {
	f, err := os.OpenFile(filepath.Join(s.data(), name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// restrict lets the administrator in by name, everybody else by password.
func (s *Postgres) restrict() error {
	text := "host all " + administrator + " 127.0.0.1/32 trust\n" +
		"host replication " + administrator + " 127.0.0.1/32 trust\n" +
		"host all all 127.0.0.1/32 password\n"
	return os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(text), 0o600)
}

// launch starts a server for the first time, on a port that is free.
func (s *Postgres) launch() error {
	var err error
	for range 5 { // somebody else may take the port
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.begin(); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	return s.exec("CREATE ROLE " + owner + " LOGIN CREATEDB PASSWORD '" + Password + "'")
}

// begin starts the processes and waits until the server answers.
func (s *Postgres) begin() error {
	if err := s.process.start(s.programs, s.dir, s.port); err != nil {
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		if s.process.ended() || time.Now().After(deadline) {
			s.process.end(kill)
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, log[max(0, len(log)-2000):])
		}
	}
}

// Restart starts a server that was stopped or killed, at its old address.
func (s *Postgres) Restart() {
	s.t.Helper()
	if err := s.begin(); err != nil {
		s.t.Fatal(err)
	}
}

// Stop ends the server as an operator would: it ends its connections.
func (s *Postgres) Stop() { s.process.end(interrupt) }

// Kill ends all processes of the server at once, as a crash would.
func (s *Postgres) Kill() { s.process.end(kill) }

// Freeze halts all processes of the server where they are: connections stay,
// and new ones are taken by the kernel, but nothing answers.
func (s *Postgres) Freeze() { s.process.signal(freeze) }

// Thaw lets a frozen server go on.
func (s *Postgres) Thaw() { s.process.signal(thaw) }

// Address is where the server listens: 127.0.0.1 and a port, which it keeps.
func (s *Postgres) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *Postgres) discard() {
	s.process.end(kill)
	_ = os.RemoveAll(s.dir)
}
