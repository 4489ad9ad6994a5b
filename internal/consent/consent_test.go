package consent

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every text is there in both languages, with the same places to fill in, and the page
// names no other.
func TestTexts(t *testing.T) {
	for name, text := range texts {
		if text.zh == "" || text.en == "" || strings.Count(text.zh, "%s") != strings.Count(text.en, "%s") {
			t.Errorf("%s: %q, %q", name, text.zh, text.en)
		}
	}
	for _, used := range regexp.MustCompile(`\.T "(\w+)"`).FindAllStringSubmatch(markup, -1) {
		if _, ok := texts[used[1]]; !ok {
			t.Errorf("the page has %s, which has no text", used[1])
		}
	}
}

// The looks have enough contrast for who sees little, by day and by night.
func TestContrast(t *testing.T) {
	day, night, _ := strings.Cut(looks, "@media (prefers-color-scheme: dark)")
	for scheme, css := range map[string]string{"day": day, "night": night} {
		colors := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
			colors[m[1]] = luminance(m[2])
		}
		for _, pair := range [][2]string{
			{"text", "sheet"}, {"text", "ground"}, {"soft", "sheet"}, {"soft", "ground"}, {"on-main", "main"}, {"bad", "bad-ground"},
			{"sheet", "bad"},
		} {
			if ratio := contrast(colors[pair[0]], colors[pair[1]]); ratio < 4.5 {
				t.Errorf("%s: %s on %s is %.2f", scheme, pair[0], pair[1], ratio)
			}
		}
		for _, shape := range []string{"line", "main", "bad"} {
			if ratio := contrast(colors[shape], colors["sheet"]); ratio < 3 {
				t.Errorf("%s: %s on sheet is %.2f", scheme, shape, ratio)
			}
		}
	}
}

// luminance and contrast are as WCAG defines them.
func luminance(hex string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// FuzzRedirect: what passes leads to a host that is listed, as a browser reads it.
func FuzzRedirect(f *testing.F) {
	for _, text := range []string{
		"https://app.example.com/x?y#z", "http://app.example.com\\@evil.example/", "https://[::1]:1/", "https://app.example.com:443@evil/",
	} {
		f.Add(text)
	}
	// What a browser takes for an address of that host, and for nothing else.
	plain := regexp.MustCompile(`^(?i:https?)://(?i:app\.example\.com)(:(80|443))?([/?#][^\\\x00-\x20\x7f]*)?$`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseRedirect(text, []string{"app.example.com"}); err != nil {
			return
		}
		if !plain.MatchString(text) {
			t.Errorf("%q passes", text)
		}
		to := addCode(text, "queryauthcode@@@x", "3600")
		if strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q leads to %q", text, to)
		}
		h := http.Header{}
		h.Set("Location", to)
		if !strings.Contains(h.Get("Location"), "auth_code=queryauthcode%40%40%40x&expires_in=3600") {
			t.Errorf("%q leads to %q", text, fmt.Sprint(h))
		}
	})
}
