package tcb

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// uploadURL returns where an upload is sent whose signature names that host. The
// real platform takes uploads at another host than calls: the key and the code
// are for the host that signed, and for no other. A server that names the host
// of BaseURL, in whichever spelling, gets the upload as it gets the calls.
func (c *Client) uploadURL(host string) (string, error) {
	if c.UploadURL != "" {
		return strings.TrimRight(c.UploadURL, "/") + "/", nil
	}
	base, err := url.Parse(c.base())
	if err != nil || base.Host == "" {
		return "", errors.New("UpdateFunctionCode: the base URL cannot be used")
	}
	named, err := url.Parse("https://" + host)
	if err != nil || named.Host != host || named.Hostname() == "" {
		return "", errors.New("UpdateFunctionCode: the signature names the host " + strconv.Quote(host) + ", which is none")
	}
	if place(base, base.Scheme) == place(named, base.Scheme) {
		return c.base() + "/", nil
	}
	if base.Scheme == "http" && isLoopback(base.Hostname()) && isLoopback(named.Hostname()) {
		named.Scheme = "http" // another name or port of this machine
	}
	return named.String() + "/", nil
}

// place is the host and port of an address, each in one spelling.
func place(u *url.URL, scheme string) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
