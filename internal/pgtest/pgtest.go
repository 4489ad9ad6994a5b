// Package pgtest runs a private PostgreSQL for tests: the programs of the
// Debian package, in a temporary folder, as an unprivileged user. It is used
// from tests only.
//
//	pgtest.go    Server: started, stopped, killed, frozen
//	programs.go  where the programs are, and as whom they run
//	standby.go   a standby that replicates synchronously, and its promotion
package pgtest

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that databases are made with
)

// Server is a PostgreSQL of the test's own.
type Server struct {
	t        testing.TB
	programs programs
	dir      string // its data
	port     int
	cmd      *exec.Cmd
	made     atomic.Int64 // databases
}

// settings keep a server small. It syncs as it would in earnest.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 32MB
wal_level = replica
max_wal_senders = 4
hot_standby = on
log_min_messages = warning
`

// Start starts a server, which the test stops at its end. On a machine
// without PostgreSQL the test is skipped, or fails where OPENTCB_TEST_ALL is
// set.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, programs: find(t)}
	s.dir = filepath.Join(s.programs.folder(t), "data")
	s.programs.run(t, "initdb", "-D", s.dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	s.configure(settings)
	s.start()
	return s
}

// configure adds settings.
func (s *Server) configure(text string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) start() {
	s.t.Helper()
	s.port = freePort(s.t)
	s.Restart()
	s.t.Cleanup(s.Kill)
}

// Restart starts a server that was stopped or killed, at its old address.
func (s *Server) Restart() {
	s.t.Helper()
	s.cmd = s.programs.command("postgres", "-D", s.dir, "-p", fmt.Sprint(s.port))
	log, err := os.Create(filepath.Join(filepath.Dir(s.dir), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr.Setpgid = true // so that its helpers can be frozen with it
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := s.exec("SELECT 1")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			s.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, text)
		}
	}
}

// Stop ends the server as an operator would, at once.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server as a power cut would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	if sig == syscall.SIGKILL {
		s.signal(sig)
	} else {
		_ = s.cmd.Process.Signal(sig)
	}
	_ = s.cmd.Wait()
	s.cmd = nil
	_ = os.Remove(filepath.Join(s.dir, "postmaster.pid"))
}

// Freeze stops every process of the server where it stands; Thaw lets them go
// on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw is the end of Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// signal reaches the processes of the server: each is a session of its own.
func (s *Server) signal(sig syscall.Signal) {
	children, _ := exec.Command("pgrep", "-P", fmt.Sprint(s.cmd.Process.Pid)).Output()
	for pid := range strings.FieldsSeq(string(children)) {
		_ = exec.Command("kill", fmt.Sprintf("-%d", sig), pid).Run()
	}
	_ = s.cmd.Process.Signal(sig)
}

// Address is host:port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is the address of a database.
func (s *Server) URL(database string) string {
	return "postgres://postgres@" + s.Address() + "/" + database
}

// Database makes an empty database and returns its address.
func (s *Server) Database() string {
	s.t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		s.t.Fatal(err)
	}
	return s.URL(name)
}

// exec runs a statement in the database of administration.
func (s *Server) exec(statement string) error {
	db, err := sql.Open("pgx", s.URL("postgres")+"?connect_timeout=2")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
