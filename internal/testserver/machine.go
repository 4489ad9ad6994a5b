package testserver

import (
	"net"
	"os"
	"testing"
)

// skip ends a test whose server this machine lacks. With OPENTCB_TEST_ALL in
// the environment the test fails instead.
func skip(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("OPENTCB_TEST_ALL") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing + ": left out")
}

// freePort returns a port of 127.0.0.1 that is free. Another process may take
// it before it is used.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
