package testserver

import (
	"fmt"
	"math/rand/v2"
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

// FreePort returns a port of 127.0.0.1 on which nothing listens. It is none of
// those that the kernel hands out: whoever asks for any port, or connects, does
// not get it, neither before it is used nor while its server is away.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func freePort() (port int, err error) {
	const least, below = 10_000, 32_768 // Linux hands out 32768 and above
	for range 100 {
		port = least + rand.IntN(below-least)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}
