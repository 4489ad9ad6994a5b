package proxytest

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// relay passes connections on, counts them, and keeps what the proxy asked.
type relay struct {
	listener net.Listener
	count    atomic.Int64
	asked    testserver.Output
}

func startRelay(t *testing.T, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{listener: l}
	go r.accept(to)
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) accept(to string) {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.count.Add(1)
		go r.join(conn, to)
	}
}

// join copies both ways until one side ends.
func (r *relay) join(conn net.Conn, to string) {
	defer conn.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(io.MultiWriter(server, &r.asked), conn) // ends as the connection does
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
	server.Close()
}
