package node

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns the two ends of a connection, the first with noted deadlines.
func pair(t *testing.T) (*conn, net.Conn) {
	t.Helper()
	l, err := listen("127.0.0.1:0", "test", "--listen", 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	other, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*conn), other
}

func TestDeadlinePasses(t *testing.T) {
	c, _ := pair(t)
	begin := time.Now()
	if err := c.SetReadDeadline(begin.Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read ended with %v", err)
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("it ended after %v", took)
	}
}

// reads are the ways in which a connection is read.
var reads = map[string]func(*conn) error{
	"Read": func(c *conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	},
	"WriteTo": func(c *conn) error {
		_, err := c.WriteTo(io.Discard)
		return err
	},
}

func TestDeadlineOfTheLongPastWakesAtOnce(t *testing.T) {
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			woken := make(chan error, 1)
			go func() { woken <- read(c) }()
			time.Sleep(10 * time.Millisecond)
			pass(t, c)
			endsAtOnce(t, woken)
			goesOn(t, c, other)
		})
	}
}

func TestDeadlineOfTheLongPastEndsWhatBegins(t *testing.T) {
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			pass(t, c)
			ended := make(chan error, 1)
			go func() { ended <- read(c) }()
			endsAtOnce(t, ended)
			goesOn(t, c, other)
		})
	}
}

// pass sets a deadline of the long past.
func pass(t *testing.T, c *conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
}

// endsAtOnce wants a read ended by its deadline.
func endsAtOnce(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read ended with %v", err)
		}
	case <-time.After(sweepPause / 2):
		t.Fatal("the read did not end at once")
	}
}

// goesOn wants the connection as good as new once the deadline is taken back.
func goesOn(t *testing.T, c *conn, other net.Conn) {
	t.Helper()
	for _, later := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if err := c.SetReadDeadline(later); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("read after the deadline was taken back: %v", err)
		}
	}
}

func TestDeadlineOfAWriter(t *testing.T) {
	c, _ := pair(t)
	if err := c.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil { // until the kernel's buffers are full, and then to the deadline
		_, err = c.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write ended with %v", err)
	}
}
