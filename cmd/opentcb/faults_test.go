package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// metCommand is a command that meets faults, and which call of which interface does.
type metCommand struct {
	name, iface string
	skip        int // so many calls of the interface pass first
	args        func(n int) []string
	did         func(s *commandStand, n int) bool // whether the work of run n is done
}

const faultEnv = opentcbtest.DefaultEnv

func namesIn(args ...string) func(int) []string { return func(int) []string { return args } }

// printed is what a command prints at its end, which does all of its work.
func printed(what string) func(*commandStand, int) bool {
	return func(s *commandStand, _ int) bool { return strings.Contains(s.stdout, what) }
}

// allows reports whether the whitelist has the entry of a run.
func allows(s *commandStand, n int) bool {
	p, err := s.client.GetCloudAccessToken(s.t.Context(), faultEnv)
	return err == nil && slices.Contains(p.APIWhitelist, entry(n))
}

func entry(n int) string { return fmt.Sprint("/wxa/", n) }

// has reports whether a file of the folder has that content.
func has(file string, want []byte) func(*commandStand, int) bool {
	return func(s *commandStand, _ int) bool {
		got, err := os.ReadFile(filepath.Join(s.dir, file))
		return err == nil && bytes.Equal(got, want)
	}
}

// metCommands are those that call the interfaces as a platform.
var metCommands = []metCommand{
	{"profile check", "api_authorizer_token", 0, namesIn("profile", "check"), printed("works")},
	{"getcodesecret", "getcodesecret", 0, namesIn("getcodesecret", "--reveal"), func(s *commandStand, _ int) bool {
		key, err := s.client.GetCodeSecret(s.t.Context())
		return err == nil && s.stdout == key+"\n"
	}},
	{"usecloudaccesstoken get", "usecloudaccesstoken", 0, namesIn("usecloudaccesstoken", "get", faultEnv), printed("open: true")},
	{"usecloudaccesstoken set", "usecloudaccesstoken", 1, func(n int) []string {
		return []string{"usecloudaccesstoken", "set", faultEnv, "--allow", entry(n)}
	}, allows},
	{"usecloudaccesstoken edit", "usecloudaccesstoken", 1, namesIn("usecloudaccesstoken", "edit", faultEnv), allows},
	{"createfunction", "createfunction", 0, func(n int) []string {
		return []string{"createfunction", faultEnv, fmt.Sprint("f", n)}
	}, func(s *commandStand, n int) bool {
		for f, err := range s.client.AllFunctions(s.t.Context(), faultEnv) {
			if err == nil && f.Name == fmt.Sprint("f", n) {
				return true
			}
		}
		return false
	}},
	{"listfunctions", "listfunctions", 0, namesIn("listfunctions", faultEnv), printed("first")},
	{"uploadfunction", "upload", 0, func(n int) []string {
		return []string{"uploadfunction", faultEnv, "first", fmt.Sprint(n)}
	}, func(s *commandStand, n int) bool {
		file := filepath.Join(s.t.TempDir(), "code.zip")
		sum, err := s.client.DownloadFunction(s.t.Context(), faultEnv, "first", file, tcb.CodeDownload{})
		return err == nil && sum == sumOf(codeOfRun(n))
	}},
	{"downloadfunction", "link", 0, namesIn("downloadfunction", faultEnv, "first"), has("first.zip", codeOfRun(0))},
	{"invokecloudfunction", "invokecloudfunction", 0, namesIn("invokecloudfunction", faultEnv, "first"), printed("done")},
	{"uploadfuncconfig", "uploadfuncconfig", 0, func(n int) []string {
		return []string{"uploadfuncconfig", faultEnv, "first", fmt.Sprintf(`{"timeout":%d}`, n%300+1)}
	}, func(s *commandStand, n int) bool {
		config, err := s.client.GetFuncConfig(s.t.Context(), faultEnv, "first", tcb.FuncConfigProcess)
		return err == nil && config == fmt.Sprintf(`{"timeout":%d}`, n%300+1)
	}},
	{"getfuncconfig", "getfuncconfig", 0, namesIn("getfuncconfig", faultEnv, "first"), printed(`{"timeout":`)},
	{"fleet plan", "usecloudaccesstoken", 0, namesIn("fleet", "plan", "fleet.yaml"), printed("1 environment: 1 differ")},
	{"fleet apply", "usecloudaccesstoken", 1, namesIn("fleet", "apply", "fleet.yaml"), allows},
	{"fleet drift", "usecloudaccesstoken", 0, namesIn("fleet", "drift", "same.yaml"), printed("1 environment: 1 as wanted")},
	{"fleet backup", "link", 0, namesIn("fleet", "backup", "saved"),
		has("saved/code/"+sumOf(codeOfRun(0))+".zip", codeOfRun(0))},
	{"conformance", "getcodesecret", 0, namesIn("conformance", "--clause", "CS-3"), printed(" 0 differ")},
}

// metFaults are the faults, once each.
var metFaults = []struct {
	name  string
	fault opentcbtest.Fault
}{
	{"errcode -1", opentcbtest.Fault{ErrCode: -1}},
	{"errcode 45009", opentcbtest.Fault{ErrCode: 45009}},
	{"status 502", opentcbtest.Fault{Status: 502}},
	{"delay", opentcbtest.Fault{Delay: 20 * time.Millisecond}},
	{"cut", opentcbtest.Fault{Cut: new(int)}},
	{"reset", opentcbtest.Fault{Reset: true}},
	{"stall", opentcbtest.Fault{Stall: true}},
	{"lose_answer", opentcbtest.Fault{LoseAnswer: true}},
	{"expire", opentcbtest.Fault{Expire: true}},
	{"alter", opentcbtest.Fault{Alter: true}},
}

// stallsLong is the command that is not interrupted where it gets no answer.
const stallsLong = "getcodesecret"

// TestCommandsMeetFaults: what each command ends with when a call of it meets each
// fault once. None hangs, shows a secret, or ends with status 0 and work undone.
// docs/testing.md has the tables. Over TLS, and HTTP/2, it is the same.
//
// Proves: FA-2
func TestCommandsMeetFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there a process cannot be interrupted, and errors of connections read otherwise")
	}
	rows, overTLS := make([]string, len(metCommands)), make([]string, len(metCommands))
	said := make([]string, len(metFaults))
	t.Run("commands", func(t *testing.T) {
		for i, m := range metCommands {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				rows[i] = newCommandStand(t, false).meetAll(m, said)
			})
			t.Run(m.name+" over TLS", func(t *testing.T) {
				t.Parallel()
				overTLS[i] = newCommandStand(t, true).meetAll(m, nil)
			})
		}
	})
	for i, m := range metCommands {
		if overTLS[i] != rows[i] {
			t.Errorf("%s ends over TLS so:\n%s, and otherwise:\n%s", m.name, overTLS[i], rows[i])
		}
	}
	head, rule := "| command |", "|---|"
	for _, f := range metFaults {
		head += " " + f.name + " |"
		rule += "---|"
	}
	table := head + "\n" + rule + "\n" + strings.Join(rows, "") +
		"\nWhat `" + stallsLong + "` says then:\n\n| fault | |\n|---|---|\n" + strings.Join(said, "")
	compareFaultTable(t, table)
}

// meetAll has a command meet all faults, and returns its row of the table. What
// stallsLong says stands in said then.
func (s *commandStand) meetAll(m metCommand, said []string) string {
	row := "| `" + m.name + "` |"
	for n, f := range metFaults {
		cell := "–"
		if !f.fault.Alter || m.iface == "link" {
			cell = s.meet(m, f.fault, n+1)
			s.t.Logf("%s: %s %s%s", f.name, cell, s.stdout, s.stderr)
		}
		row += " " + cell + " |"
		if said != nil && m.name == stallsLong && s.status != statusDone && cell != "–" {
			said[n] = "| " + f.name + " | `" + s.said() + "` |\n"
		}
	}
	return row + "\n"
}

// said is the line of an error, without what is another each time.
func (s *commandStand) said() string {
	text := strings.TrimPrefix(strings.TrimSpace(s.stderr), "opentcb: ")
	text = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}`).ReplaceAllString(text, "RID")
	return regexp.MustCompile(`(read|write)\w* tcp .*: do the`).ReplaceAllString(text, "…: do the")
}

// compareFaultTable holds the tables of the page against what was seen.
func compareFaultTable(t *testing.T, table string) {
	t.Helper()
	const page, begin = "../../docs/testing.md", "<!-- made by: go test ./cmd/opentcb -run TestCommandsMeetFaults -update -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	is, after, ended := strings.Cut(rest, "<!-- the end of the table -->\n")
	switch {
	case !ok || !ended:
		t.Fatalf("%s has no table", page)
	case *update:
		whole := before + begin + table + "<!-- the end of the table -->\n" + after
		if err := os.WriteFile(page, []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	case is != table:
		t.Errorf("%s has\n%s, and was seen\n%s", page, is, table)
	}
}
