package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// How long the load waits for answers before it calls that a fault: beyond the
// time of the run, and for a run over all targets.
const (
	patience     = 20 * time.Second
	oncePatience = 20 * time.Minute
)

// client is one keep-alive connection and the targets that it goes round.
type client struct {
	run         *run
	conn        *net.TCPConn
	call, probe request
	targets     []target
	versions    []int64 // of the targets' environments, since their last set
	out, in     []byte
	latencies   histogram
	bytes       uint64
}

func newClient(r *run, targets []target) (*client, error) {
	conn, err := net.Dial("tcp", r.orders.Address)
	if err != nil {
		return nil, err
	}
	limit := r.orders.WarmUp + r.orders.Duration + patience
	if r.orders.Once {
		limit = oncePatience
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	return &client{
		run: r, conn: conn.(*net.TCPConn), targets: targets,
		call:     newRequest(r.orders.Address, r.orders.Path, r.orders.Header, r.orders.Body),
		probe:    newRequest(r.orders.Address, r.orders.Path, r.orders.Header, r.orders.Probe),
		versions: make([]int64, len(targets)),
		in:       make([]byte, 1<<20),
	}, nil
}

// work goes round the targets until the run is over. It is the n-th client's.
func (c *client) work(n int) error {
	err := c.askVersions()
	c.run.asking.Done()
	if err != nil {
		return err
	}
	if c.run.orders.PerSecond > 0 {
		return c.pace(n)
	}
	began := time.Now()
	for i := 0; ; i++ {
		at := i % len(c.targets)
		if c.run.orders.Once && i == len(c.targets) {
			return nil
		}
		if _, err := c.do(&c.call, at); err != nil {
			return err
		}
		c.versions[at] += 2 // UT-6: an accepted set moves the version by two
		ended := time.Now()
		switch c.run.phase.Load() {
		case measured:
			c.latencies.add(ended.Sub(began))
		case over:
			return nil
		}
		began = ended
	}
}

// askVersions reads the version of each environment, so that every set can
// send what its caller knows.
func (c *client) askVersions() error {
	if c.run.orders.Probe == "" {
		return nil
	}
	for i := range c.targets {
		answer, err := c.do(&c.probe, i)
		if err != nil {
			return err
		}
		_, rest, found := bytes.Cut(answer, []byte(`"version":`))
		digits := len(rest) - len(bytes.TrimLeft(rest, "0123456789"))
		if c.versions[i], err = strconv.ParseInt(string(rest[:digits]), 10, 64); err != nil || !found {
			return fmt.Errorf("an answer without a version: %s", answer)
		}
	}
	return nil
}

// do sends one request for the target at i and returns the answer's body,
// which stands until the next.
func (c *client) do(r *request, i int) ([]byte, error) {
	c.out = r.appendTo(c.out[:0], &c.targets[i], c.versions[i])
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	if c.run.orders.Discard {
		return nil, c.drop()
	}
	return c.answer()
}

// answer reads one whole answer and checks it.
func (c *client) answer() ([]byte, error) {
	have := 0
	for {
		n, err := c.conn.Read(c.in[have:])
		if err != nil {
			return nil, fmt.Errorf("waiting for an answer: %w", err)
		}
		have += n
		status, start, size, ok := head(c.in[:have])
		if !ok || have < start+size && have < len(c.in) {
			continue
		}
		body := c.in[start:have]
		if status != 200 || len(body) != size || !bytes.Contains(body, errcodeZero) {
			return nil, fmt.Errorf("status %d: %.300s", status, body)
		}
		return body, nil
	}
}

// drop reads an answer's header and drops its body uncopied.
func (c *client) drop() error {
	have, err := c.conn.Read(c.in[:512])
	if err != nil {
		return err
	}
	status, start, size, ok := head(c.in[:have])
	if !ok || status != 200 || size < 0 {
		return fmt.Errorf("unexpected answer: %.300s", c.in[:have])
	}
	left := size - (have - start)
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return err
	}
	for left > 0 && err == nil {
		got, fault := 0, error(nil)
		err = raw.Read(func(fd uintptr) bool {
			got, fault = discard(fd, c.in, left)
			return !errors.Is(fault, errAgain)
		})
		if err == nil && fault != nil {
			return fault
		}
		if err == nil && got == 0 {
			return io.ErrUnexpectedEOF
		}
		if c.run.phase.Load() == measured {
			c.bytes += uint64(got)
		}
		left -= got
	}
	return err
}
