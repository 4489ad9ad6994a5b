package consent

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hostForm is a host as it may stand in an address: no escapes, nothing that is not
// ASCII, and nothing that a browser could read otherwise than this package does.
var hostForm = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?$`)

// Why an address is none that the page may lead to.
var (
	errNoAddress   = errors.New("not an absolute http or https address")
	errForeignHost = errors.New("a host that the platform has not named")
)

// parseRedirect returns an address if the page may lead there: absolute, http or
// https, and of one of the hosts, compared whole; without any, of this machine (CO-5).
func parseRedirect(text string, hosts []string) (*url.URL, error) {
	odd := func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || strings.ContainsFunc(text, odd) || strings.HasPrefix(rest, "/") {
		return nil, errNoAddress
	}
	scheme = strings.ToLower(scheme)
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	u, err := url.Parse(text)
	if err != nil || scheme != "http" && scheme != "https" || u.User != nil || u.Opaque != "" ||
		!hostForm.MatchString(authority) || u.Host != authority {
		return nil, errNoAddress
	}
	if !isAllowed(scheme, u, hosts) {
		return nil, errForeignHost
	}
	return u, nil
}

// isAllowed reports whether the host and port of an address are those of one of the
// hosts. A host without a port has the scheme's own.
func isAllowed(scheme string, u *url.URL, hosts []string) bool {
	if len(hosts) == 0 {
		return isLoopback(u.Hostname())
	}
	usual := map[string]string{"http": "80", "https": "443"}[scheme]
	port := u.Port()
	if port == "" {
		port = usual
	}
	return slices.ContainsFunc(hosts, func(host string) bool {
		name, listed, err := net.SplitHostPort(host)
		if err != nil {
			name, listed = strings.Trim(host, "[]"), usual
		}
		return strings.EqualFold(name, u.Hostname()) && listed == port
	})
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// addCode returns an address with the code added to its query. Its own query and
// fragment stay as they are (CO-6).
func addCode(text, code, expiresIn string) string {
	address, fragment, hasFragment := strings.Cut(text, "#")
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	address += mark + "auth_code=" + url.QueryEscape(code) + "&expires_in=" + expiresIn
	if hasFragment {
		address += "#" + fragment
	}
	return ascii(address)
}

// ascii escapes what is not ASCII: a header has nothing else.
func ascii(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < 0x80 {
			b.WriteByte(c)
		} else {
			b.WriteString(url.PathEscape(string([]byte{c})))
		}
	}
	return b.String()
}
