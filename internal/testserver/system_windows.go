package testserver

import (
	"errors"
	"os/exec"
)

// errUnix is why no test gets a server here.
var errUnix = errors.New("servers are tested with on Unix alone")

type credential struct{ Uid, Gid uint32 }

func runAs(*exec.Cmd, *credential) {}

type signal int

const (
	interrupt signal = iota + 1
	kill
	freeze
	thaw
)

func send(int, signal) error { return errUnix }

func lockFile(string) (func() error, error) { return nil, errUnix }
