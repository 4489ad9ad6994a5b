package wirescript

import (
	"regexp"
	"strings"
	"sync"
)

// interfaces are those of the wire, with what scripts do not say of them.
var interfaces = []struct {
	path    string
	reads   bool     // it changes nothing; the key that getcodesecret makes does not count
	secrets []string // members of its answer that nobody else may see
}{
	{"/tcb/getcodesecret", true, []string{"codesecret"}},
	{"/tcb/usecloudaccesstoken", true, nil}, // but for a set
	{"/tcb/downloadfunction", true, nil},    // of its url the end is a secret: see learn
	{"/tcb/listfunctions", true, nil},
	{"/tcb/createfunction", false, nil},
	{"/tcb/uploadfuncconfig", false, nil},
	{"/tcb/getfuncconfig", false, []string{"config"}}, // it reads, but of a function, which there may not be
	{"/tcb/getuploadsignature", false, []string{"headers"}},
	{"/tcb/invokecloudfunction", false, nil},
	{"/cgi-bin/component/api_component_token", false, []string{"component_access_token"}},
	{"/cgi-bin/component/api_create_preauthcode", false, []string{"pre_auth_code"}},
	{"/cgi-bin/component/api_query_auth", false, []string{"authorizer_access_token", "authorizer_refresh_token"}},
	{"/cgi-bin/openapi/quota/get", true, nil},
	{"/cgi-bin/openapi/rid/get", true, nil},
	{"/cgi-bin/clear_quota", false, nil},
	{"/cgi-bin/component/clear_quota/v2", false, nil},
	{"/cgi-bin/component/api_get_authorizer_info", true, []string{"authorizer_refresh_token"}},
	{"/cgi-bin/component/api_get_authorizer_list", true, []string{"refresh_token"}},
	{"/cgi-bin/component/api_start_push_ticket", false, nil},
	{"/cgi-bin/component/api_authorizer_token", false, []string{"authorizer_access_token", "authorizer_refresh_token"}},
}

// isSecret reports whether the member of an answer is a secret.
func isSecret(member string) bool {
	for _, i := range interfaces {
		for _, secret := range i.secrets {
			if member == secret {
				return true
			}
		}
	}
	return false
}

var (
	// requestLine begins a request, whatever it calls.
	requestLine = regexp.MustCompile(`^[A-Z]{2,10} "?[/$h]`)
	// readingLine begins a request that reads.
	readingLine = sync.OnceValue(readingForm)
)

// readingForm matches the request lines of interfaces that read, of links, and
// of paths that are no interface.
func readingForm() *regexp.Regexp {
	targets := []string{`\$\{(url|link)\}`, `/none\b`, `/tcb/none\b`, `/download/`}
	for _, i := range interfaces {
		if i.reads {
			targets = append(targets, i.path+`\b`)
		}
	}
	return regexp.MustCompile(`^[A-Z]{2,10} "?(` + strings.Join(targets, "|") + `)`)
}

// onlyReads reports whether the lines of a case call only interfaces that
// read, and have nobody else change anything. A set changes even where it is
// meant to be refused: another server may accept it.
func onlyReads(block []line) bool {
	for _, l := range block {
		verb, _, _ := strings.Cut(l.text, " ")
		switch {
		case requestLine.MatchString(l.text) && !readingLine().MatchString(l.text):
			return false
		case strings.Contains(l.text, "set") && strings.Contains(l.text, "action"):
			return false
		}
		switch verb {
		case "upload", "sign", "login", "operator", "clock", "restart":
			return false
		}
	}
	return true
}
