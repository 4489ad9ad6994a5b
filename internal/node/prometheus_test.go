//go:build unix

package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/testserver"
)

// The files for monitors.
const (
	alertRules    = "../../docs/monitoring/alerts.yaml"
	dashboardFile = "../../docs/monitoring/dashboard.json"
)

// TestAlertRules has the alert rules checked by those who read them.
//
// Proves: LV-2
func TestAlertRules(t *testing.T) {
	promtool := testserver.Program(t, "promtool")
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", alertRules).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestPrometheus lets Prometheus scrape a server, and asks it everything that the
// dashboard and the alert rules ask. What a rule is made of is there, and no alert
// would be given.
//
// Proves: LV-2
func TestPrometheus(t *testing.T) {
	program := testserver.Program(t, "prometheus")
	cfg := local(t)
	cfg.LogLost = func() uint64 { return 0 }
	authority := testserver.NewAuthority(t)
	cfg.TLSCert, cfg.TLSKey = authority.IssueTo(t.TempDir())
	n := started(t, cfg)
	client := admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}
	if err := client.Backup(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}}
	defer transport.CloseIdleConnections()
	if _, err := (&http.Client{Transport: transport}).Get(n.APIURL() + "/nothing"); err != nil { // a call that fails
		t.Fatal(err)
	}
	p := startPrometheus(t, program, n)
	dashboard, rules := dashboardQueries(t), ruleQueries(t)
	if len(dashboard) < 15 || len(rules) < 10 {
		t.Fatalf("%d queries of the dashboard, and %d rules: the test looks at nothing", len(dashboard), len(rules))
	}
	for _, query := range dashboard {
		p.answered(query)
	}
	for _, query := range rules {
		for _, series := range regexp.MustCompile(`\b(?:opentcb_\w+|up)\b`).FindAllString(query, -1) {
			p.answered(series)
		}
		if got := p.ask(query); len(got) > 0 {
			t.Errorf("a server that is well gives an alert: %s: %s", query, got)
		}
	}
	p.documented()
}

// monitor is a Prometheus that scrapes a server.
type monitor struct {
	*testing.T
	url string
	api string // of the server's metrics
}

func startPrometheus(t *testing.T, program string, n *Node) monitor {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(alertRules)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs: [{job_name: opentcb, static_configs: [{targets: [%q]}]}]
`, rules, strings.TrimPrefix(n.AdminURL(), "http://"))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", testserver.FreePort(t))
	out := &testserver.Output{}
	ctx, end := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return monitor{t, "http://" + address, n.AdminURL()}
}

// ask returns what Prometheus answers a query with.
func (p monitor) ask(query string) (result []json.RawMessage) {
	p.Helper()
	resp, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return nil // it has not begun
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil
	}
	if answer.Error != "" && resp.StatusCode == http.StatusBadRequest {
		p.Fatalf("%s: %s", query, answer.Error)
	}
	return answer.Data.Result
}

// answered wants an answer to a query, as soon as there are samples enough.
func (p monitor) answered(query string) {
	p.Helper()
	for deadline := time.Now().Add(time.Minute); len(p.ask(query)) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.Errorf("no answer to %s", query)
			return
		}
	}
}

// documented wants the operator's manual to name every metric of the server.
func (p monitor) documented() {
	p.Helper()
	resp, err := http.Get(p.api + "/metrics")
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	manual, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		p.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (opentcb_\w+) `).FindAllSubmatch(text, -1) {
		if !strings.Contains(string(manual), "`"+string(m[1])) {
			p.Errorf("docs/operating.md does not name %s", m[1])
		}
	}
}

// dashboardQueries are the queries of the dashboard, with its variables filled in.
func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "1m", "$job", "opentcb")
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, fill.Replace(target.Expr))
		}
	}
	return queries
}

// ruleQueries are the conditions of the alert rules.
func ruleQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(alertRules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			queries = append(queries, rule.Expr)
		}
	}
	return queries
}
