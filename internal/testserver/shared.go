package testserver

import (
	"errors"
	"os"
	"sync"
	"testing"
)

// shared is the PostgreSQL server of the test binary, nil until a test needs it.
// It is the only state of the package: Main outlives every test.
var shared struct {
	sync.Mutex
	server *Postgres
	failed error
}

// Main runs the tests and stops the shared PostgreSQL server afterwards:
//
//	func TestMain(m *testing.M) { testserver.Main(m) }
func Main(m *testing.M) {
	withoutTLS()
	code := m.Run()
	shared.Lock()
	if shared.server != nil {
		shared.server.discard()
	}
	os.Exit(code)
}

// PostgresURL returns the URL of a fresh, empty database on the shared
// PostgreSQL server, which is started at first use. Its user has the password Password.
func PostgresURL(t testing.TB) string {
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
