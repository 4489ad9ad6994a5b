//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// A slow client sends a byte this often.
const slowPace = 200 * time.Millisecond

// slowHeaders begins a request and never comes to the end of its headers.
func slowHeaders(ctx context.Context, d door) error {
	return drip(ctx, d, d.head+"X-Slow: ", "")
}

// slowBody sends whole headers and then a body that comes byte by byte.
func slowBody(ctx context.Context, d door) error {
	return drip(ctx, d, d.head+"Content-Length: 100000\r\n\r\n", `{"env":"`)
}

// slowChunks is slowBody in chunks of one byte.
func slowChunks(ctx context.Context, d door) error {
	return dripEach(ctx, d, d.head+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n")
}

func drip(ctx context.Context, d door, head, more string) error {
	return dripEach(ctx, d, head+more, "a")
}

// dripEach sends a beginning and then a piece at a time, until the server ends
// the connection or ctx is done.
func dripEach(ctx context.Context, d door, head, piece string) error {
	conn, err := d.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		return nil
	}
	tick := time.NewTicker(slowPace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := io.WriteString(conn, piece); err != nil {
			return nil // the server has had enough
		}
	}
}

// halfClosed sends part of a request or all of it, ends its direction of the
// connection and never reads.
func halfClosed(ctx context.Context, d door) error {
	request := d.head + "Content-Length: 20\r\n\r\n" + `{"env":"none"}      `
	for _, n := range []int{0, 1, len(d.head) / 2, len(d.head), len(request) - 10, len(request)} {
		conn, err := d.dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		io.WriteString(conn, request[:n])
		conn.CloseWrite()
	}
	<-ctx.Done()
	return nil
}

// slowReader asks again and again in one connection and never reads an answer,
// until the server cannot send any more; then it leaves it so.
func slowReader(ctx context.Context, d door) error {
	conn, err := d.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetReadBuffer(4096)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	request := strings.Repeat(d.head+"Content-Length: 2\r\n\r\n{}", 20)
	for ctx.Err() == nil {
		if _, err := io.WriteString(conn, request); err != nil {
			break
		}
		time.Sleep(slowPace / 2)
	}
	<-ctx.Done()
	return nil
}

// idle opens connections and leaves them alone; half of them after a call.
func idle(ctx context.Context, d door, n int) error {
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for i := range n {
		conn, err := d.dial()
		if err != nil {
			return fmt.Errorf("idle connection %d: %w", i, err)
		}
		conns = append(conns, conn)
		if i%2 == 0 {
			io.WriteString(conn, d.head+"Content-Length: 2\r\n\r\n{}")
		}
	}
	<-ctx.Done()
	return nil
}
