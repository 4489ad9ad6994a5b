//go:build linux

package soaktest

import (
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// line is a way to a server that can be disturbed.
type line struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// newLine makes a way to an address.
func newLine(t testing.TB, address string) *line {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "line", "127.0.0.1:0", address)
	must(t, "proxy", p.Start())
	t.Cleanup(p.Stop)
	return &line{t, p}
}

func (l *line) address() string { return l.proxy.Listen }

// through is an address that leads over the line instead.
func (l *line) through(address string) string {
	l.t.Helper()
	u, err := url.Parse(address)
	must(l.t, "address", err)
	if endpoint := u.Query().Get("endpoint"); endpoint != "" { // of a bucket
		q := u.Query()
		q.Set("endpoint", "http://"+l.address())
		u.RawQuery = q.Encode()
	} else {
		u.Host = l.address()
	}
	return u.String()
}

// trouble is what can be the matter with a line.
type trouble struct {
	name  string
	begin func(*line)
	end   func(*line)
}

func toxic(text string) trouble {
	name, text, _ := strings.Cut(text, ": ")
	return trouble{name,
		func(l *line) {
			_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(text))
			must(l.t, "toxic", err)
		},
		func(l *line) { l.proxy.Toxics.ResetToxics(l.t.Context()) },
	}
}

var (
	unreachable = trouble{"unreachable",
		func(l *line) { l.proxy.Stop() },
		func(l *line) { must(l.t, "proxy", l.proxy.Start()) },
	}
	silent  = toxic(`silent: {"name":"x","type":"timeout","attributes":{"timeout":0}}`)
	slow    = toxic(`slow: {"name":"x","type":"latency","attributes":{"latency":2000}}`)
	slowish = toxic(`slowish: {"name":"x","type":"latency","attributes":{"latency":700}}`) // each statement is in time, a call is not
	cutting = toxic(`cutting: {"name":"x","type":"reset_peer","attributes":{"timeout":30}}`)
)
