package pgtest

import (
	"path/filepath"
	"time"
)

// Standby starts a server that follows this one. From then on a change is
// answered only once it is on both.
func (s *Server) Standby() *Server {
	s.t.Helper()
	standby := &Server{t: s.t, programs: s.programs}
	standby.dir = filepath.Join(s.programs.folder(s.t), "data")
	s.programs.run(s.t, "pg_basebackup", "-d", s.URL(""), "-D", standby.dir, "-R", "-X", "stream", "-c", "fast")
	standby.configure("\nprimary_conninfo = '" + s.URL("") + "?application_name=standby'\n")
	standby.start()
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if err := s.exec(statement); err != nil {
			s.t.Fatal(err)
		}
	}
	return standby
}

// Promote makes a standby the primary. It no longer waits for another.
func (s *Server) Promote() {
	s.t.Helper()
	for _, statement := range []string{"SELECT pg_promote(true, 20)", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()"} {
		var err error
		for range 100 {
			if err = s.exec(statement); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}
