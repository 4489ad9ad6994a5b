package testserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Pooler starts PgBouncer in front of the server, in a pool mode and with
// further lines of its configuration. It returns PgBouncer's address, for URLs
// in the place of the server's own, and ends with the test.
func (s *Postgres) Pooler(mode string, settings ...string) string {
	s.t.Helper()
	program := Program(s.t, "pgbouncer")
	dir, err := s.programs.folder()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", owner, Password), 0o644); err != nil {
		s.t.Fatal(err)
	}
	var address string
	for range 5 { // somebody else may take the port
		port := FreePort(s.t)
		text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"+
			"listen_port = %d\nunix_socket_dir =\nauth_type = plain\nauth_file = %s\npool_mode = %s\n%s\n",
			s.port, port, users, mode, strings.Join(settings, "\n"))
		config := filepath.Join(dir, "pgbouncer.ini")
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
		address = fmt.Sprintf("127.0.0.1:%d", port)
		if err = s.startPooler(program, config, address); err == nil {
			return address
		}
	}
	s.t.Fatal(err)
	return ""
}

// startPooler starts PgBouncer, and waits until it listens.
func (s *Postgres) startPooler(program, config, address string) error {
	cmd := s.programs.command(program, config)
	var log Output
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	end := func() {
		_ = cmd.Process.Kill()
		<-done
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			s.t.Cleanup(end)
			return nil
		}
		select {
		case <-done:
		default:
			if time.Now().Before(deadline) {
				continue
			}
			end()
		}
		return fmt.Errorf("PgBouncer did not start: %w\n%s", err, log.String())
	}
}
