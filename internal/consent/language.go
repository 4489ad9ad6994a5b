package consent

import (
	"net/http"
	"strconv"
	"strings"
)

// language is one in which the page can be.
type language string

const (
	chinese language = "zh"
	english language = "en"
)

// languageOf returns the language that a request asks for: the first of those with the
// highest quality, and Chinese for one that asks for neither.
func languageOf(r *http.Request) language {
	best, quality := chinese, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header["Accept-Language"], ","), ",") {
		tag, parameter, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			q = n
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if l := language(primary); (l == chinese || l == english) && q > quality {
			best, quality = l, q
		}
	}
	return best
}
