package gateway

import (
	"net/http"
	"strings"
)

// droppedPrefixes begin the names of headers that do not pass: those from which
// some servers take another path or address than that of the request, and those
// that say whose call it is. Of X-Forwarded- and X-Wx-, the gateway sets its own.
var droppedPrefixes = []string{"X-Original-", "X-Rewrite-", "X-Forwarded-", "X-Wx-", "X-Envoy-", "X-Azure-"}

// droppedHeaders are the other names, by which some servers take the address of
// the caller.
var droppedHeaders = []string{
	"Forwarded", "Forwarded-For", "X-Forwarded", "X-Real-Ip", "True-Client-Ip", "Client-Ip", "X-Client-Ip",
	"X-Cluster-Client-Ip", "X-Remote-Ip", "X-Remote-Addr", "X-Originating-Ip", "X-Appengine-User-Ip",
	"Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Cf-Pseudo-Ipv4", "Fastly-Client-Ip", "Fly-Client-Ip", "Ali-Cdn-Real-Ip",
	"Cdn-Src-Ip", "Proxy-Client-Ip", "Wl-Proxy-Client-Ip", "X-Proxyuser-Ip", "X-Host",
}

// dropHeaders drops the headers that a caller may not send to the upstream,
// and those that hold the token.
func dropHeaders(h http.Header, token string) {
	for name, values := range h {
		if isDropped(name) || holds(values, token) {
			delete(h, name)
		}
	}
}

// isDropped reports whether a header is dropped. It reads names as leniently as
// servers that turn headers into variables.
func isDropped(name string) bool {
	for _, own := range droppedHeaders {
		if len(name) == len(own) && begins(name, own) {
			return true
		}
	}
	for _, prefix := range droppedPrefixes {
		if begins(name, prefix) {
			return true
		}
	}
	return false
}

// begins reports whether a name begins with a prefix. CGI ignores the case and
// reads a hyphen as an underscore; older Apache and lighttpd read everything
// that is no letter or digit as one.
func begins(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if variable(name[i]) != variable(prefix[i]) {
			return false
		}
	}
	return true
}

// variable returns the byte that stands for b in the name of a variable.
func variable(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return b - 'a' + 'A'
	case 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return b
	}
	return '_'
}

// holds reports whether one of the values has the token in it.
func holds(values []string, token string) bool {
	if token == "" {
		return false
	}
	for _, value := range values {
		if strings.Contains(value, token) {
			return true
		}
	}
	return false
}
