package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
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

// HaltReceiver halts what takes the changes in on a standby: it is connected
// and reads, and no change arrives. Kill and Restart let it go on.
func (s *Postgres) HaltReceiver() {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		for _, child := range children(s.process.pid) {
			title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child))
			if strings.Contains(string(title), "walreceiver") {
				if err := send(child, freeze); err != nil {
					s.t.Fatal(err)
				}
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the standby has no walreceiver")
		}
	}
}

// Synchronous makes changes wait for the standby of that name; for none if
// the name is "".
func (s *Postgres) Synchronous(name string) {
	s.t.Helper()
	s.Exec("ALTER SYSTEM SET synchronous_standby_names = '" + name + "'")
	s.Exec("SELECT pg_reload_conf()")
}

// Desert makes changes wait for a standby that is not there, from its return on.
func (s *Postgres) Desert() {
	s.t.Helper()
	s.Synchronous("nobody")
	for { // until a change waits: the server's processes read settings one after the other
		err := s.within(300*time.Millisecond, "SELECT pg_logical_emit_message(true, '', '')")
		if errors.Is(err, context.DeadlineExceeded) || strings.Contains(fmt.Sprint(err), "timeout") {
			return
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// within runs a statement that may take so long.
func (s *Postgres) within(limit time.Duration, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := s.askWithin(ctx, statement)
	return err
}

// Promote makes a standby a primary, which waits for no other.
func (s *Postgres) Promote() {
	s.t.Helper()
	s.Exec("SELECT pg_promote(true, 30)")
	s.Synchronous("")
}
