package gateway_test

import (
	"strings"
	"testing"
	"time"
)

// TestSpellings drops a name that some server behind CGI takes for one of
// ours: old Apache and lighttpd read all that is no letter or digit as "_".
//
// Proves: CC-1
func TestSpellings(t *testing.T) {
	upstream, got := recording(t)
	f := newFront(t, upstream.URL, 5*time.Second)
	var forged strings.Builder
	for _, a := range "-_.!#$%&'*+^`|~" {
		for _, b := range "-_." {
			for _, name := range []string{"X WX,APPID", "x wX,eNv", "X Forwarded,Uri", "X Original,URL", "X Rewrite,Url",
				"X WX,OpenID", "X WX,From,UnionID", "X WX,Source", "X Real,IP", "True Client,IP", "Cf Connecting,IP"} {
				forged.WriteString(strings.NewReplacer(" ", string(a), ",", string(b)).Replace(name) + ": forged\r\n")
			}
		}
	}
	exchange(t, f, "GET /x HTTP/1.1\r\nHost: h\r\n"+forged.String()+"\r\n")
	f.forwarded(t, 1)
	for name, values := range (<-got).Header {
		for _, value := range values {
			if value == "forged" {
				t.Errorf("%s passed", name)
			}
		}
	}
}

// TestTokenNowhere looks for the token in everything that the upstream gets,
// the names that the gateway sets itself among it.
//
// Proves: CC-1
func TestTokenNowhere(t *testing.T) {
	upstream, got := rawUpstream(t, shortAnswer)
	f := newFront(t, upstream, 5*time.Second)
	exchange(t, f, "GET /x?a=1 HTTP/1.1\r\nHost: "+token+"\r\nReferer: http://h/?t="+token+"\r\nCookie: a=b; t="+token+
		"\r\nX-Odd: first\r\nX-Odd: "+token+"\r\nUser-Agent: "+token+"\r\nConnection: "+token+"\r\n\r\n")
	if text := <-got; strings.Contains(strings.ToLower(text), token) {
		t.Errorf("the upstream reads %q", text)
	}
}
