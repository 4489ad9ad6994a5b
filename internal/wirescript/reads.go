package wirescript

import (
	"regexp"
	"strings"
)

// readingPaths are the interfaces that a case which only reads may call.
var readingPaths = regexp.MustCompile(`^(GET|HEAD|PUT|DELETE|POST|PATCH) "?(/tcb/(getcodesecret|usecloudaccesstoken|downloadfunction|listfunctions)\b|\$\{(url|link)\}|/none\b|/tcb/none\b|/download/)`)

// requestLine begins a request, whatever it calls.
var requestLine = regexp.MustCompile(`^[A-Z]{2,10} "?[/$h]`)

// onlyReads says whether the lines of a case call nothing but interfaces that
// read, and have nobody else change anything. A set changes even where it is
// meant to be refused: another server may take it.
func onlyReads(block []line) bool {
	for _, l := range block {
		verb, _, _ := strings.Cut(l.text, " ")
		switch {
		case requestLine.MatchString(l.text) && !readingPaths.MatchString(l.text):
			return false
		case strings.Contains(l.text, "set") && strings.Contains(l.text, "action"):
			return false
		}
		switch verb {
		case "upload", "sign", "login", "operator", "clock", "restart", "alter", "parallel":
			return false
		}
	}
	return true
}
