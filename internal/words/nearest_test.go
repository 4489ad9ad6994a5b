package words

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	names := []string{"platform", "appid", "permission_sets", "refresh_token"}
	for given, want := range map[string]string{
		"appId": "appid", "app-id": "appid", "apppid": "appid", "apdi": "appid", "appdi": "appid", "PermissionSets": "permission_sets",
		"premission_sets": "permission_sets", "plattform": "platform", "platforms": "platform", "refreshtokne": "refresh_token",
		"": "", "sets": "", "xxxxx": "", "a:p:d": "", strings.Repeat("a", 1000): "",
	} {
		if got := Nearest(given, names); got != want {
			t.Errorf("Nearest(%.20q) is %q, want %q", given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{
		{"", "", 0, 0}, {"", "ab", 2, 2}, {"ab", "", 2, 2}, {"ab", "", 1, -1},
		{"kitten", "sitting", 9, 3}, {"kitten", "sitting", 3, 3}, {"kitten", "sitting", 2, -1},
		{"sunday", "saturday", 3, 3}, {"abc", "abc", 0, 0}, {"abc", "abd", 0, -1},
		{"flaw", "lawn", 2, 2}, {"abcdef", "azced", 3, 3}, {"", "a", -1, -1},
		{"ab", "ba", 1, 1}, {"ab", "ba", 0, -1}, {"abcd", "badc", 2, 2}, {"abc", "cab", 2, 2},
	} {
		if got := Distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%s, %s, %d: %d, want %d", c.a, c.b, c.limit, got, c.want)
		}
	}
}
