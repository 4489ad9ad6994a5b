// Package pgtest runs PostgreSQL for tests: the programs of the distribution's
// package, in a temporary folder, as an unprivileged user, with syncs as in
// earnest. It is used from tests only. Where PostgreSQL is not installed the
// test is skipped, or fails if OPENTCB_TEST_ALL is set.
//
//	pgtest.go    URL and Main: one server shared by a test binary
//	server.go    Server: a test's own, to be stopped, killed and frozen
//	database.go  databases of a server, and statements of its administrator
//	process.go   the server's processes
//	standby.go   synchronous replication, and promotion
//	programs.go  where the programs are, and as whom they run
package pgtest

import (
	"errors"
	"os"
	"sync"
	"testing"
)

// shared is the server of the test binary, nil until a test needs it. It is
// the one state of the package: Main outlives every test.
var shared struct {
	sync.Mutex
	server *Server
	failed error
}

// Main runs the tests and stops the shared server afterwards:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	withoutTLS()
	code := m.Run()
	shared.Lock()
	if shared.server != nil {
		shared.server.discard()
	}
	os.Exit(code)
}

// URL returns the URL of a fresh, empty database on the shared server, which
// is started at first use. Its user has the password Password.
func URL(t testing.TB) string {
	t.Helper()
	programs := find(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.failed == nil {
		shared.server, shared.failed = create(programs)
		if shared.failed == nil {
			shared.failed = shared.server.launch()
		}
	}
	if shared.failed != nil {
		t.Fatal(errors.Join(errors.New("PostgreSQL could not be started"), shared.failed))
	}
	address, err := shared.server.copyOf("template0")
	if err != nil {
		t.Fatal(err)
	}
	return address
}
