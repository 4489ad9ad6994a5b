package s3blob

import (
	"context"
	"net"
)

// tapped is a connection that is watched.
type tapped struct {
	net.Conn
	wrote, read func(p []byte)
}

func (c tapped) Write(p []byte) (int, error) {
	c.wrote(p)
	return c.Conn.Write(p)
}

func (c tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read(p[:n])
	return n, err
}

func tap(wrote, read func(p []byte)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return tapped{conn, wrote, read}, nil
	}
}
