package world

import (
	"strings"
	"testing"
)

// The longest values that are allowed, and one byte more. Tokens: CR-10.
func TestLongestValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func(string) string
		begin string
		most  int
	}{
		{"secret", checkSecret, "", 128},
		{"verify_ticket", checkTicket, "ticket@@@", 512},
		{"refresh_token", checkRefreshToken, "refreshtoken@@@", 512},
		{"environment", checkEnvironment, "", 64},
		{"function", checkFunction, "", 60},
	} {
		longest := c.begin + strings.Repeat("a", c.most-len(c.begin))
		if wrong := c.check(longest); wrong != "" {
			t.Errorf("%s of %d bytes: %s", c.name, c.most, wrong)
		}
		if c.check(longest+"a") == "" {
			t.Errorf("%s of %d bytes is allowed", c.name, c.most+1)
		}
	}
}
