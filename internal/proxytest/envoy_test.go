package proxytest

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// envoyFilter is what this test reads of a filter of envoy.yaml.
type envoyFilter struct {
	Name  string
	Typed struct {
		Normalize   *bool  `yaml:"normalize_path"`
		Merge       *bool  `yaml:"merge_slashes"`
		Escaped     string `yaml:"path_with_escaped_slashes_action"`
		FailureMode *bool  `yaml:"failure_mode_allow"`
		Allowed     any    `yaml:"allowed_headers"`
		Service     struct {
			Prefix string `yaml:"path_prefix"`
			Answer struct {
				Upstream struct {
					Patterns []struct{ Exact string }
				} `yaml:"allowed_upstream_headers"`
			} `yaml:"authorization_response"`
		} `yaml:"http_service"`
		Mutations struct {
			Request []struct{ Remove string } `yaml:"request_mutations"`
		}
		Filters []envoyFilter `yaml:"http_filters"`
	} `yaml:"typed_config"`
}

// envoyManager is the one network filter of envoy.yaml.
func envoyManager(t *testing.T) envoyFilter {
	text, err := os.ReadFile("../../docs/proxies/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Static struct {
			Listeners []struct {
				Chains []struct{ Filters []envoyFilter } `yaml:"filter_chains"`
			}
		} `yaml:"static_resources"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Static.Listeners[0].Chains[0].Filters[0]
}

// TestEnvoyFile wants of envoy.yaml what safety hangs on: no repair of paths,
// no passing on failure, and that what is taken from the answer is cleared of
// the caller's.
func TestEnvoyFile(t *testing.T) {
	manager := envoyManager(t)
	if m := manager.Typed; m.Normalize == nil || *m.Normalize || m.Merge == nil || *m.Merge || m.Escaped != "KEEP_UNCHANGED" {
		t.Error("Envoy would repair paths")
	}
	var names, removed []string
	for _, f := range manager.Typed.Filters {
		names = append(names, strings.TrimPrefix(f.Name, "envoy.filters.http."))
		for _, m := range f.Typed.Mutations.Request {
			removed = append(removed, m.Remove)
		}
		if f.Name != "envoy.filters.http.ext_authz" {
			continue
		}
		if f.Typed.FailureMode == nil || *f.Typed.FailureMode || f.Typed.Allowed != nil {
			t.Error("Envoy would pass what was not judged, or ask with the caller's headers")
		}
		for _, p := range f.Typed.Service.Answer.Upstream.Patterns {
			if !slices.Contains(removed, p.Exact) {
				t.Errorf("the caller's %s is not removed before the question", p.Exact)
			}
		}
	}
	if got := strings.Join(names, " "); got != "header_mutation ext_authz lua router" {
		t.Errorf("the filters are %s", got)
	}
	for _, name := range addressHeaders {
		if name = strings.ToLower(name); !strings.Contains(name, "_") && !slices.Contains(removed, name) {
			t.Errorf("the caller's %s is not removed", name)
		}
	}
}

// TestEnvoyQuestion asks as Envoy does by its documentation: the address of
// the call after path_prefix, its method, none of its headers, no body.
//
// Proves: CC-7
func TestEnvoyQuestion(t *testing.T) {
	s := newStand(t)
	service := envoyManager(t).Typed.Filters[1].Typed.Service
	ask := func(path, env string) (int, string, http.Header) {
		return s.direct(t, service.Prefix+path+"?a=1&cloudbase_access_token="+s.tokens[env], http.Header{})
	}
	status, code, header := ask("/wxa/msg_sec_check", "listed")
	if status != http.StatusOK || code != "0" {
		t.Errorf("allowed: status %d, code %s", status, code)
	}
	got := map[string]string{}
	for _, p := range service.Answer.Upstream.Patterns {
		got[p.Exact] = header.Get(p.Exact)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"x-opentcb-uri":"/wxa/msg_sec_check?a=1","x-wx-appid":"` + miniID + `","x-wx-env":"listed"}`; string(text) != want {
		t.Errorf("Envoy takes %s, want %s", text, want)
	}
	for _, c := range []struct {
		path, env string
		status    int
		code      string
	}{
		{"/wxa/other", "listed", http.StatusForbidden, "85107"},
		{"/wxa/msg_sec_check", "closed", http.StatusForbidden, "85105"},
		{"/wxa/msg_sec_check", "none", http.StatusUnauthorized, "41001"},
		{"/../wxa/msg_sec_check", "all", http.StatusForbidden, "85107"},
		{"//wxa/x", "all", http.StatusForbidden, "85107"},
		{"/wxa/%2e%2e/x", "all", http.StatusForbidden, "85107"},
		{"/decide/wxa/x", "all", http.StatusForbidden, "48001"},
		{"/tcb/getcodesecret", "all", http.StatusForbidden, "48001"},
	} {
		status, code, header := ask(c.path, c.env)
		if status != c.status || code != c.code || header.Get("X-Opentcb-Uri") != "" {
			t.Errorf("%s of %s: status %d, code %s, want %d, %s", c.path, c.env, status, code, c.status, c.code)
		}
	}
}
