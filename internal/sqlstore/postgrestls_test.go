package sqlstore

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// withoutTLS is a server that says it has no TLS and asks for the password, as
// whoever stands between could. It returns its port, and what it was sent.
func withoutTLS(t *testing.T) (port string, sent func() []byte) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var all bytes.Buffer
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 4096)
				for {
					_ = conn.SetDeadline(time.Now().Add(time.Minute))
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					mu.Lock()
					all.Write(buf[:n])
					mu.Unlock()
					answer := "R\x00\x00\x00\x08\x00\x00\x00\x03" // the password, in clear
					if n == 8 {
						answer = "N" // to the request for TLS
					}
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(all.Bytes())
	}
}

// TestPasswordNeedsTLS wants no password sent to a server beyond this machine
// that says it has no TLS, unless the operator says so. 0.0.0.0 is an address
// beyond it which leads to it.
func TestPasswordNeedsTLS(t *testing.T) {
	for _, c := range []struct {
		host, query, variable string
		sent                  bool
	}{
		{"0.0.0.0", "", "", false},
		{"0.0.0.0", "?application_name=sslmode", "", false},
		{"0.0.0.0", "?sslmode=require", "", false},
		{"0.0.0.0", "?sslmode=verify-full", "", false},
		{"0.0.0.0", "?sslmode=prefer", "", true},
		{"0.0.0.0", "?sslmode=disable", "", true},
		{"0.0.0.0", "", "disable", true},
		{"127.0.0.1", "", "", true},
	} {
		t.Setenv("PGSSLMODE", c.variable)
		port, sent := withoutTLS(t)
		address := "postgres://opentcb:" + testserver.Password + "@" + c.host + ":" + port + "/d" + c.query
		_, err := OpenPostgres(t.Context(), address, PostgresOptions{})
		if err == nil || bytes.Contains(sent(), []byte(testserver.Password)) != c.sent {
			t.Errorf("%s%s, PGSSLMODE=%q: %v; %q was sent", c.host, c.query, c.variable, err, sent())
		}
		if !c.sent && (err == nil || !strings.Contains(err.Error(), "sslmode=disable")) {
			t.Errorf("%s%s: %v; want what helps", c.host, c.query, err)
		}
	}
}

// TestTLSOfHosts: of several hosts each is judged by itself.
func TestTLSOfHosts(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for hosts, want := range map[string]string{
		"db.example.com":          "db.example.com tls",
		"db1:1,db2:2":             "db1 tls, db2 tls",
		"localhost,db2":           "localhost tls, localhost, db2 tls",
		"127.0.0.1":               "127.0.0.1 tls, 127.0.0.1",
		"[::1]":                   "::1 tls, ::1",
		"%2Fvar%2Frun%2Fpostgres": "/var/run/postgres",
		"%2Fvar%2Frun%2Fpg,db":    "/var/run/pg, db tls",
		"localhost.example.com":   "localhost.example.com tls",
	} {
		cfg, err := parsePostgres("postgres://u:p@" + hosts + "/d")
		if err != nil {
			t.Fatal(err)
		}
		one := func(host string, tls bool) string {
			if tls {
				host += " tls"
			}
			return host
		}
		got := []string{one(cfg.Host, cfg.TLSConfig != nil)}
		for _, f := range cfg.Fallbacks {
			got = append(got, one(f.Host, f.TLSConfig != nil))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: tries %q, want %s", hosts, got, want)
		}
	}
}
