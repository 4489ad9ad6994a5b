package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/internal/whitelist"
)

// BenchmarkForward is a call through a gateway, its judgement included.
func BenchmarkForward(b *testing.B) {
	u := benchUpstream(b)
	g := gateway.New(gateway.Config{Upstream: u, Timeout: 20 * time.Second, TransferTime: time.Minute})
	b.Cleanup(g.Close)
	list := whitelist.NewList([]string{"/*"})
	benchCalls(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, err := list.Judge(r.URL.Path)
		if err == nil {
			err = g.Forward(w, r, gateway.Call{Path: path, Query: r.URL.RawQuery, AppID: appid, Env: env, Token: token})
		}
		if err != nil {
			b.Error(err)
		}
	}))
}

// BenchmarkBare is the same call through only ReverseProxy, with a transport
// like the gateway's.
func BenchmarkBare(b *testing.B) {
	u := benchUpstream(b)
	transport := &http.Transport{DisableCompression: true, MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024}
	b.Cleanup(transport.CloseIdleConnections)
	benchCalls(b, &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, BufferPool: &barePool{},
		Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(u); pr.SetXForwarded() },
	})
}

type barePool struct{ sync.Pool }

func (p *barePool) Get() []byte {
	if buf, ok := p.Pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (p *barePool) Put(buf []byte) { p.Pool.Put(&buf) }

func benchUpstream(b *testing.B) *url.URL {
	b.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}))
	b.Cleanup(upstream.Close)
	u, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// benchCalls makes calls one after the other on one connection, without a body
// and with one.
func benchCalls(b *testing.B, h http.Handler) {
	front := httptest.NewServer(h)
	b.Cleanup(front.Close)
	for _, form := range []struct{ name, request string }{
		{"get", "GET /wxa/x?a=1 HTTP/1.1\r\nHost: h\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"},
		{"post", "POST /wxa/x?a=1 HTTP/1.1\r\nHost: h\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"content\":\"hi\"}"},
	} {
		b.Run(form.name, func(b *testing.B) {
			conn, err := net.Dial("tcp", front.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.WriteString(conn, form.request); err != nil {
					b.Fatal(err)
				}
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp, err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		})
	}
}
