package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// The server has a core of its own; what drives it has the other.
const (
	serverCPU = 0
	loadCPU   = 1
	anyCPU    = -1
)

// readyWithin is how long a server may take to start, at most.
const readyWithin = 2 * time.Minute

// server is a running server process, real or bare.
type server struct {
	cmd   *exec.Cmd
	api   string        // host:port of its API listener
	admin string        // host:port of its admin listener, "" where there is none
	data  string        // its data folder, "" where there is none
	ready time.Duration // from its start to its ready line
}

// startServer runs a server on its core and waits for its line
// `ready api=http://HOST:PORT …`. Standard error goes to the file log.
func startServer(ctx context.Context, log io.Writer, orders any, path string, args ...string) (*server, error) {
	return startServerAt(ctx, serverCPU, log, orders, path, args...)
}

func startServerAt(
	ctx context.Context, cpu int, log io.Writer, orders any, path string, args ...string,
) (*server, error) {
	in, err := json.Marshal(orders)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 40 * time.Second
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := startPinned(cmd, cpu); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	tooLate := time.AfterFunc(readyWithin, func() { cmd.Process.Kill() })
	defer tooLate.Stop()
	if err := s.awaitReady(bufio.NewReader(out)); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	s.ready = time.Since(began)
	return s, nil
}

func (s *server) awaitReady(out *bufio.Reader) error {
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return fmt.Errorf("ended before its ready line: %w", err)
		}
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "ready" {
			continue
		}
		api, err := url.Parse(strings.TrimPrefix(fields[1], "api="))
		if err != nil || api.Host == "" {
			return fmt.Errorf("ready line without an address: %q", line)
		}
		s.api = api.Host
		for _, field := range fields[2:] {
			if address, found := strings.CutPrefix(field, "admin=http://"); found {
				s.admin = address
			}
		}
		go io.Copy(io.Discard, out) // a server that goes on talking must not block
		return nil
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the server as an operator would.
func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// runRole runs one of this program's roles pinned to a CPU and returns its
// report.
func runRole[R any](ctx context.Context, cpu int, name string, orders any) (R, error) {
	var report R
	in, err := json.Marshal(orders)
	if err != nil {
		return report, err
	}
	self, err := os.Executable()
	if err != nil {
		return report, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, os.Stderr
	if err := startPinned(cmd, cpu); err != nil {
		return report, err
	}
	if err := cmd.Wait(); err != nil {
		return report, fmt.Errorf("%s: %w", name, err)
	}
	return report, json.Unmarshal(out.Bytes(), &report)
}

// role makes a role of a function from orders to a report.
func role[O, R any](run func(O) (R, error)) func(io.Reader, io.Writer) error {
	return func(in io.Reader, out io.Writer) error {
		var orders O
		if err := json.NewDecoder(in).Decode(&orders); err != nil {
			return err
		}
		report, err := run(orders)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(report)
	}
}
