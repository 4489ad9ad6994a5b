//go:build linux

package soaktest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// Environment variables of the tests; doc.go explains the first two.
const (
	binaryVar = "OPENTCB_SOAK_BINARY"
	longVar   = "OPENTCB_SOAK"
	raceVar   = "OPENTCB_SOAK_RACE_BINARY" // set by the tests for themselves
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the binary, unless one is given, and runs the tests. A variable
// of the environment hands the path on, also to tests that run themselves
// again in a process of their own.
func run(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == serveByClock {
		return serveByClockOf(os.Args[2:])
	}
	flag.Parse()
	if testing.Short() {
		fmt.Println("soaktest: every test is hardship, and left out of the short tests")
		return 0
	}
	if signal.Ignored(syscall.SIGHUP) { // nohup is meant for the tests, not for the servers
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	if os.Getenv(binaryVar) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "soaktest-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(binaryVar, filepath.Join(dir, "opentcb"), "CGO_ENABLED=0")
	}
	if err == nil && long() {
		err = build(raceVar, filepath.Join(dir, "opentcb-race"), "CGO_ENABLED=1", "-race")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soaktest:", err)
		return 1
	}
	return m.Run()
}

func build(variable, path, env string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "./cmd/opentcb")...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building opentcb: %w\n%s", err, out)
	}
	return os.Setenv(variable, path)
}

// long reports whether the long form of the tests was asked for.
func long() bool { return os.Getenv(longVar) != "" }

// length is the first number in the short form of the tests, the second in the
// long one.
func length(short, many int) int {
	if long() {
		return many
	}
	return short
}

// shipped is the binary as it is shipped.
func shipped() string { return os.Getenv(binaryVar) }

// watched is the binary with the race detector where there is one: for tests
// that do not measure.
func watched() string {
	if path := os.Getenv(raceVar); path != "" {
		return path
	}
	return shipped()
}
