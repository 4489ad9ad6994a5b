package testserver

import (
	"fmt"
	"time"
)

// Standby starts a server that follows this one, and waits until it does: from
// then on a change is answered only once it is synced on both. The standby holds
// the databases made so far, and takes only reads until Promote.
func (s *Postgres) Standby() *Postgres {
	s.t.Helper()
	s.standbys++
	name := fmt.Sprintf("standby%d", s.standbys)
	standby, err := s.follow(name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(standby.discard)
	if err := standby.begin(); err != nil {
		s.t.Fatal(err)
	}
	s.Synchronous(name)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		state, err := s.ask("SELECT sync_state FROM pg_stat_replication WHERE application_name = '" + name + "'")
		if err == nil && state == "sync" {
			return standby
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the standby does not follow: state %q, %v", state, err)
		}
	}
}

// follow makes the data of a standby from this server's.
func (s *Postgres) follow(name string) (*Postgres, error) {
	dir, err := s.programs.folder()
	if err != nil {
		return nil, err
	}
	standby := &Postgres{t: s.t, programs: s.programs, dir: dir}
	standby.made.Store(s.made.Load() + 1000) // its names, once promoted, are others
	primary := fmt.Sprintf("host=127.0.0.1 port=%d user=%s application_name=%s", s.port, administrator, name)
	err = s.programs.run("pg_basebackup", "-d", primary, "-D", standby.data(), "-R", "-X", "stream", "-c", "fast",
		"--no-sync")
	if err == nil {
		standby.port, err = freePort()
	}
	if err != nil {
		standby.discard()
		return nil, err
	}
	return standby, nil
}

// Synchronous makes changes wait for the standby of that name; for none if
// the name is "".
func (s *Postgres) Synchronous(name string) {
	s.t.Helper()
	s.Exec("ALTER SYSTEM SET synchronous_standby_names = '" + name + "'")
	s.Exec("SELECT pg_reload_conf()")
}

// Promote makes a standby a primary, which waits for no other.
func (s *Postgres) Promote() {
	s.t.Helper()
	s.Exec("SELECT pg_promote(true, 30)")
	s.Synchronous("")
}
