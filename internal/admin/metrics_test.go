package admin_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/opentcb/opentcb/internal/admin"
)

// call makes a call over the wire and returns the answer.
func (s *started) call(t *testing.T, path, body string) map[string]any {
	t.Helper()
	resp, err := http.Post(s.node.APIURL()+path, "application/json", strings.NewReader(body))
	must(t, err)
	defer resp.Body.Close()
	var answer map[string]any
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

// authorizerToken runs the credential flow over the wire.
func (s *started) authorizerToken(t *testing.T) string {
	t.Helper()
	component, _ := s.call(t, "/cgi-bin/component/api_component_token",
		`{"component_appid":"`+platform+`","component_appsecret":"platform-one-secret","component_verify_ticket":"ticket@@@one"}`)["component_access_token"].(string)
	token, _ := s.call(t, "/cgi-bin/component/api_authorizer_token?component_access_token="+component,
		`{"component_appid":"`+platform+`","authorizer_appid":"`+mini+`","authorizer_refresh_token":"refreshtoken@@@one-a1"}`)["authorizer_access_token"].(string)
	if token == "" {
		t.Fatal("no token")
	}
	return token
}

// shown are metrics that a server has, but for those of TLS and of a backup that was made.
const shown = `build_info database_bytes database_log_bytes disk_free_bytes code_bytes audit_backlog audit_backlog_limit
	uploads uploads_limit connections connections_limit database_connections database_connections_limit cached_rows
	cached_rows_limit code_storage_faults_total database_faults_total pushes_waiting pushes_under_way admin_refused_total`

// TestMetrics makes calls of all sorts and reads /metrics: it parses, counts
// them, and names neither accounts nor secrets.
//
// Proves: LV-2
func TestMetrics(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	token := s.authorizerToken(t)
	key, _ := s.call(t, "/tcb/getcodesecret?access_token="+token, "")["codesecret"].(string)
	s.call(t, "/tcb/usecloudaccesstoken?access_token="+token, `{"action":"get","env":"`+env+`"}`)
	s.call(t, "/tcb/downloadfunction?access_token="+token, `{"env":"`+env+`","function_name":"login"}`)
	s.call(t, "/tcb/getcodesecret?access_token=x"+token, "")
	s.call(t, "/wxa/nothing", "")

	for st := (admin.Status{}); st.Stored == nil; time.Sleep(time.Millisecond) { // it is measured
		var err error
		st, err = s.Status(t.Context())
		must(t, err)
	}
	_, text := s.request(t, "GET", "/metrics", "", http.Header{"Authorization": nil})
	for name := range strings.FieldsSeq(shown) {
		if !strings.Contains(text, "\n# TYPE opentcb_"+name+" ") {
			t.Errorf("there is no opentcb_%s", name)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	labels := []string{"interface", "errcode", "version", "go", "listener", "kind", "pool"}
	for name, family := range families {
		for _, m := range family.Metric {
			for _, label := range m.Label {
				if strings.HasPrefix(name, "opentcb_") && !slices.Contains(labels, label.GetName()) {
					t.Errorf("%s has the label %s", name, label.GetName())
				}
			}
		}
	}
	for _, private := range []string{platform, mini, other, env, "login", token, key, "platform-one-secret", s.Token} {
		if strings.Contains(text, private) {
			t.Errorf("/metrics shows %s", private)
		}
	}
	for _, line := range []string{
		`opentcb_calls_total{errcode="0",interface="getcodesecret"} 1`, `opentcb_calls_total{errcode="40014",interface="getcodesecret"} 1`,
		`opentcb_calls_total{errcode="-501019",interface="downloadfunction"} 1`, `opentcb_calls_total{errcode="40066",interface="none"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
}
