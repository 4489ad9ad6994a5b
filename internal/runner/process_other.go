//go:build !unix

package runner

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
)

var errSystem = errors.New("the runner needs Linux or another Unix: on this system a process cannot be ended with all that it started")

func reservedMemory(context.Context, string) (int, error) { return 0, nil }

func startProcess(*exec.Cmd, User, int) error { return errSystem }

func keepDescriptors() error { return errSystem }

func killGroup(*os.Process) {}

func lowerPriority(*os.Process) {}

func readNow(uintptr, []byte) (int, bool) { return 0, false }

func newChannel() (net.Conn, *os.File, error) { return nil, nil, errSystem }

func lockFolder(string) (*os.File, error) { return nil, errSystem }
