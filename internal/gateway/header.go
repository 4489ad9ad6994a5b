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

// isDropped looks at a name as servers do that take an underscore for a hyphen
// and ignore the case, as CGI does.
func isDropped(name string) bool {
	if strings.Contains(name, "_") {
		name = strings.ReplaceAll(name, "_", "-")
	}
	for _, own := range ownHeaders {
		if strings.EqualFold(name, own) {
			return true
		}
	}
	for _, prefix := range pathHeaders {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
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
