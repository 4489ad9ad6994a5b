package testserver

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program that a test runs beside ours. Without
// it the test is skipped, and fails if OPENTCB_TEST_ALL is set.
func Program(t testing.TB, name string) string {
	t.Helper()
	skipShort(t)
	for _, path := range []string{name, "/usr/sbin/" + name} { // Debian keeps some off PATH
		if path, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	skip(t, name+" is not installed")
	return ""
}

// skipShort ends a test that needs another server where only short tests were
// asked for.
func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("another server is needed: left out of the short tests")
	}
}

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
