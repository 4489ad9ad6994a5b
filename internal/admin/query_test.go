package admin_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestNothingIsPassedOver sends for every operation of the OpenAPI document a parameter
// that is none, each of its own twice, and a member that is none: each is refused by name,
// and nothing is done. A removal that was only to be tried must not happen since the path
// has no dry_run. A name that no database can hold is 404.
//
// Proves: OP-1, OP-4, OP-7, OP-8
func TestNothingIsPassedOver(t *testing.T) {
	s := startTests(t)
	s.applyWorld(t)
	refused := func(method, path, body, member string) {
		t.Helper()
		resp, text := s.request(t, method, path, body, nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"`+member+`"`) {
			t.Errorf("%s %s %s: %d %.200s", method, path, body, resp.StatusCode, text)
		}
	}
	path, names := strings.NewReplacer("{snapshot}", "kept"), regexp.MustCompile(`\{[a-z_]+\}`)
	for template, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil && len(*op.Security) == 0 {
				continue
			}
			at := path.Replace(fill(template))
			refused(method, at+"?dry-run=true", "", "dry-run")
			if odd := names.ReplaceAllString(template, "%00%ff"); odd != template {
				if resp, text := s.request(t, method, odd, "", nil); resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s %s: %d %.200s", method, odd, resp.StatusCode, text)
				}
			}
			for _, p := range op.Parameters {
				if p.Value.In == "query" {
					refused(method, at+"?"+p.Value.Name+"=true&"+p.Value.Name+"=false", "", p.Value.Name)
				}
			}
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"] != nil {
				refused(method, at, `{"Reset":true}`, "Reset")
				refused(method, at, `{"a":1,"a":1}`, "a")
			}
		}
	}
	in := url.Values{"in_force": {"true"}}
	if _, text := s.request(t, "GET", "/v1/authorizations?"+in.Encode(), "", nil); !strings.Contains(text, mini) {
		t.Errorf("the authorization is gone: %s", text)
	}
}
