//go:build linux

package soaktest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// auditRecord is a record as `opentcb audit --json` prints it.
type auditRecord struct {
	AppID  string   `json:"appid"`
	Action string   `json:"action"`
	Target string   `json:"target"`
	Code   tcb.Code `json:"code"`
	Detail string   `json:"detail"`
}

// audit is how often each thing was done with success, by a line that says
// what: see the done… functions.
type audit map[string]int

func doneSet(env string, version int64) string { return "set " + env + " " + decimal(version) }
func doneGet(env string) string                { return "get " + env }
func doneKey(appid string) string              { return "key " + appid }
func doneFunction(env, name string) string     { return "function " + env + " " + name }
func doneCode(env, name, sum string) string    { return "code " + env + " " + name + " " + sum }

func decimal(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// readAudit reads the whole audit record through the command.
func readAudit(t testing.TB, s *server) audit {
	t.Helper()
	var records []auditRecord
	if err := json.Unmarshal([]byte(s.cli("audit", "--json", "--outcome", "0")), &records); err != nil {
		t.Fatalf("opentcb audit --json: %v", err)
	}
	a := audit{}
	for _, r := range records {
		if what := r.what(); what != "" && r.Code == tcb.OK {
			a[what]++
		}
	}
	return a
}

var (
	setVersion = regexp.MustCompile(`version=(\d+)`)
	codeSum    = regexp.MustCompile(`[0-9a-f]{64}`)
)

// what says what a record tells was done, "" for what the tests do not ask.
func (r auditRecord) what() string {
	words := strings.Fields(r.Target) // "set env E", "env E function F"
	switch {
	case r.Action == "getcodesecret" && strings.Contains(r.Detail, "made"):
		return doneKey(r.AppID)
	case r.Action == "usecloudaccesstoken" && len(words) == 3 && words[0] == "get":
		return doneGet(words[2])
	case r.Action == "usecloudaccesstoken" && len(words) == 3 && words[0] == "set":
		// A set that repeats the last one (UT-7) is recorded as well, without
		// a change to tell.
		if v := setVersion.FindStringSubmatch(r.Detail); v != nil {
			return "set " + words[2] + " " + v[1]
		}
	case r.Action == "createfunction" && len(words) == 4:
		return doneFunction(words[1], words[3])
	case r.Action == "UpdateFunctionCode" && len(words) == 4:
		return doneCode(words[1], words[3], codeSum.FindString(r.Detail))
	}
	return ""
}
