package gateway

import (
	"net/http"
	"strings"
)

// pathHeaders begin the names of headers from which some servers take another
// path or address than that of the request, and X-Forwarded-, which the
// gateway sets itself.
var pathHeaders = []string{"X-Original-", "X-Rewrite-", "X-Forwarded-"}

// ownHeaders are set by the gateway, or by nobody.
var ownHeaders = []string{"X-Wx-Appid", "X-Wx-Env", "Forwarded"}

// dropHeaders drops what a caller may not tell the upstream, and what holds
// the token.
func dropHeaders(h http.Header, token string) {
	for name, values := range h {
		if isDropped(name) || holds(values, token) {
			delete(h, name)
		}
	}
}

// isDropped looks at a name as servers do that pass headers on as variables.
func isDropped(name string) bool {
	for _, own := range ownHeaders {
		if len(name) == len(own) && begins(name, own) {
			return true
		}
	}
	for _, prefix := range pathHeaders {
		if begins(name, prefix) {
			return true
		}
	}
	return false
}

// begins says whether a name begins like another. CGI ignores the case and
// takes a hyphen for an underscore; older Apache and lighttpd take everything
// for one that is no letter or digit.
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

func variable(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return b - 'a' + 'A'
	case 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return b
	}
	return '_'
}

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
