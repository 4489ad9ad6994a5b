package proxytest

import (
	"net/http"
	"strings"
	"testing"
)

// testForgedAccount: a caller cannot say whose call it is, in any spelling.
func (s *stand) testForgedAccount(t *testing.T) {
	a := s.call(t, "GET", "/wxa/msg_sec_check", "listed",
		"X-WX-APPID: "+changedID, "x-wx-appid: "+changedID, "X_WX_APPID: "+changedID, "X-WX_APPID: "+changedID, "x_wx-appid: "+changedID,
		"X-WX-ENV: changed", "X_WX_ENV: changed", "X-Wx-Env: changed")
	s.account(t, s.forwarded(t, a), miniID, "listed")
}

// testForgedUser: a caller cannot say which user it calls for, or from where.
func (s *stand) testForgedUser(t *testing.T) {
	const forged = "198.51.100.66"
	var headers []string
	for _, name := range []string{
		"X-WX-OPENID", "X-WX-UNIONID", "X-WX-FROM-APPID", "X-WX-FROM-OPENID", "X-WX-FROM-UNIONID", "X-WX-SOURCE",
		"X-Real-IP", "True-Client-IP", "X-Client-IP", "Client-IP", "CF-Connecting-IP", "X-Forwarded-For", "x_real_ip",
	} {
		headers = append(headers, name+": "+forged)
	}
	saw := s.forwarded(t, s.call(t, "GET", "/wxa/msg_sec_check", "listed", headers...))
	for name, values := range saw.header {
		if strings.Contains(strings.Join(values, " "), forged) {
			t.Errorf("the upstream saw %s: %q", name, values)
		}
	}
}

// addressHeaders are headers from which this server, or some upstream, takes
// an address.
var addressHeaders = []string{
	"X-Original-URI", "x-original-uri", "X-Original-Url", "X-Original-Method", "X-Forwarded-Uri", "X-Forwarded-Method",
	"X-Forwarded-Prefix", "X-Rewrite-URL", "X_Original_URI", "X_Forwarded_Uri", "Forwarded",
}

// testForgedAddress: a caller cannot have another call judged than it makes.
func (s *stand) testForgedAddress(t *testing.T) {
	good := "/wxa/msg_sec_check?cloudbase_access_token=" + s.tokens["listed"]
	var all []string
	for _, name := range addressHeaders {
		s.refused(t, s.call(t, "GET", "/wxa/other", "listed", name+": "+good), 85107)
		s.refused(t, s.send(t, "GET", "/wxa/other", "", name+": "+good), 41001)
		s.refused(t, s.call(t, "GET", "/wxa/msg_sec_check", "closed", name+": "+good, name+": "+good), 85105)
		all = append(all, name+": /wxa/other")
	}
	saw := s.forwarded(t, s.call(t, "GET", "/wxa/msg_sec_check", "listed", append(all, "Referer: http://x"+good)...))
	for name, values := range saw.header {
		if strings.Contains(strings.Join(values, " "), "/wxa/other") {
			t.Errorf("the upstream saw %s: %q", name, values)
		}
	}
}

// TestTwoAddresses: of a proxy that does not clear what its caller sent, the
// server takes no call: which address is whose cannot be known.
//
// Proves: CC-7
// Proves: CC-8
func TestTwoAddresses(t *testing.T) {
	s := newStand(t)
	good := "/wxa/msg_sec_check?cloudbase_access_token=" + s.tokens["listed"]
	bad := "/wxa/other?cloudbase_access_token=" + s.tokens["listed"]
	for _, c := range []struct {
		header http.Header
		status int
	}{
		{http.Header{"X-Original-Uri": {good}}, http.StatusOK},
		{http.Header{"X-Forwarded-Uri": {good}}, http.StatusOK},
		{http.Header{"X-Original-Uri": {good}, "X-Forwarded-Uri": {bad}}, http.StatusForbidden},
		{http.Header{"X-Original-Uri": {bad}, "X-Forwarded-Uri": {good}}, http.StatusForbidden},
		{http.Header{"X-Original-Uri": {good}, "X-Forwarded-Uri": {good}}, http.StatusForbidden},
		{http.Header{"X-Original-Uri": {good, bad}}, http.StatusForbidden},
		{http.Header{"X-Forwarded-Uri": {bad, good}}, http.StatusForbidden},
	} {
		status, _, header := s.direct(t, "/decide", c.header)
		named, allowed := header.Get("X-Opentcb-Uri") != "", c.status == http.StatusOK
		if status != c.status || named != allowed {
			t.Errorf("%v: status %d, address named: %t; want status %d", c.header, status, named, c.status)
		}
	}
}
