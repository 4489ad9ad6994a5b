package sqlstore

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// requireTLS takes out of a configuration, whose URL says nothing of TLS, what
// libpq would try then: to do without it, and give the password in clear to
// whoever answers that there is no TLS. To this machine itself that is left.
func requireTLS(cfg *pgx.ConnConfig, address string) {
	_, query, _ := strings.Cut(address, "?")
	given, err := url.ParseQuery(query)
	if err == nil && given.Has("sslmode") || os.Getenv("PGSSLMODE") != "" {
		return
	}
	tries := []*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}
	tries = append(tries, cfg.Fallbacks...)
	hasTLS := func(host string, port uint16) bool { // not if a service file says that there is none
		return slices.ContainsFunc(tries, func(f *pgconn.FallbackConfig) bool {
			return f.Host == host && f.Port == port && f.TLSConfig != nil
		})
	}
	safe := slices.DeleteFunc(slices.Clone(tries), func(f *pgconn.FallbackConfig) bool {
		return f.TLSConfig == nil && !isLocal(f.Host) && hasTLS(f.Host, f.Port)
	})
	cfg.Host, cfg.Port, cfg.TLSConfig = safe[0].Host, safe[0].Port, safe[0].TLSConfig
	cfg.Fallbacks = safe[1:]
}

// isLocal reports whether a host is this machine: a loopback address, or the
// folder of a socket.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasPrefix(host, "/")
}
