package consent

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// asked is what the page was opened with.
type asked struct {
	platform, preAuthCode, redirect string
	appid                           string // this Mini Program alone; "" for any
	sets                            []int  // these permission sets alone; none for all
	official                        bool   // official accounts alone, of which there are none
}

// readAsked reads the parameters of the page's address (CO-1). Others are ignored.
func readAsked(query url.Values) asked {
	a := asked{
		platform: query.Get("component_appid"), preAuthCode: query.Get("pre_auth_code"),
		redirect: query.Get("redirect_uri"), appid: query.Get("biz_appid"), official: query.Get("auth_type") == "1",
	}
	for text := range strings.SplitSeq(query.Get("category_id_list"), "|") {
		if id, err := strconv.Atoi(text); err == nil {
			a.sets = append(a.sets, id)
		}
	}
	return a
}

// filled is what a merchant has filled in.
type filled struct {
	AppID  string
	Code   string
	Sets   []int
	Refuse bool
}

// readForm reads the form of a request, whose body is bounded.
func readForm(r *http.Request) (filled, error) {
	if err := r.ParseForm(); err != nil {
		return filled{}, err
	}
	f := filled{
		AppID: shortened(strings.TrimSpace(r.PostForm.Get("appid"))), Code: r.PostForm.Get("code"),
		Refuse: r.PostForm.Get("decision") == "refuse",
	}
	for _, text := range r.PostForm["set"] {
		if id, err := strconv.Atoi(text); err == nil && !slices.Contains(f.Sets, id) {
			f.Sets = append(f.Sets, id)
		}
	}
	return f, nil
}

// isOurs reports whether a form comes from a page of this very address (CO-8). A
// browser that says nothing of Sec-Fetch-Site says where the form was by Origin; who
// sends neither is no browser, and is shown no page by anybody.
func isOurs(r *http.Request, publicURL string) bool {
	var sites http.CrossOriginProtection
	if publicURL != "" {
		_ = sites.AddTrustedOrigin(publicURL) // was checked at the start
	}
	return sites.Check(r) == nil
}
