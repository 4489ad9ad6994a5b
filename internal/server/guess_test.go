package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// Who tries secrets of a platform is slowed and then refused in its envelope, and
// recorded with platform and address. Another address never notices, nor another
// platform.
//
// Proves: AD-4
func TestFalseSecrets(t *testing.T) {
	t.Parallel()
	s := newFixture(t, Config{FalseSecrets: 3})
	try := func(from, secret string) tcb.Code {
		r := httptest.NewRequest(http.MethodPost, openCall, strings.NewReader(fmt.Sprintf(
			`{"component_appid":%q,"component_appsecret":%q,"component_verify_ticket":%q}`, platform, secret, ticket)))
		r.RemoteAddr = from
		var answer tcb.Status
		s.serve(t, r, &answer)
		return answer.ErrCode
	}
	const guesser, other = "192.0.2.66:1", "192.0.2.1:1"
	for range 3 {
		if code := try(guesser, "guess"); code != tcb.InvalidAppSecret {
			t.Errorf("a false secret: %d", code)
		}
	}
	var all sync.WaitGroup
	codes := make([]tcb.Code, 16)
	for i := range codes {
		all.Go(func() { codes[i] = try(guesser, "guess") })
	}
	if code := try(other, secret); code != tcb.OK {
		t.Errorf("the platform from elsewhere: %d", code)
	}
	all.Wait()
	slowed := 0
	for _, code := range codes {
		if code == tcb.MinuteQuota {
			slowed++
		} else if code != tcb.InvalidAppSecret {
			t.Errorf("a guess too many: %d", code)
		}
	}
	if slowed == 0 {
		t.Error("16 guesses at once were answered")
	}
	n := 0
	for _, rec := range s.records(t) {
		if rec.Code == tcb.InvalidAppSecret && rec.Platform == platform && rec.Target == "192.0.2.66" {
			n++
		}
	}
	if n == 0 || n > 4 { // one and a count, in each minute
		t.Errorf("%d records of the guesses", n)
	}
}

// X-Forwarded-For counts from a proxy that is trusted, from the right, up to the
// first that is none.
func TestAddressBehindProxies(t *testing.T) {
	s := newFixture(t, Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, c := range []struct{ connection, forwarded, want string }{
		{"192.0.2.1:1", "198.51.100.1", "192.0.2.1"},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.1, 10.1.1.1", "198.51.100.1"},
		{"10.0.0.1:1", "forged, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "198.51.100.1, forged", "10.0.0.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "10.2.2.2", "10.2.2.2"},
		{"[::ffff:10.0.0.1]:1", "2001:db8::1", "2001:db8::/64"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.connection
		r.Header.Set("X-Forwarded-For", c.forwarded)
		if got := s.addressOf(r); got != c.want {
			t.Errorf("%s, forwarded for %q: %s, want %s", c.connection, c.forwarded, got, c.want)
		}
	}
}
