package silenceper

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestUnmodified lets the library do the whole flow through the proxy of --intercept,
// as it is: nothing points it at the server but the variables that the command prints.
// These count from the start of a process, so it is another.
func TestUnmodified(t *testing.T) {
	if os.Getenv(intercepting) != "" {
		return
	}
	s := start(t, "--intercept", "127.0.0.1:0")
	printed, err := exec.Command(s.bin, "intercept", "env", "--json", "--admin", s.admin, "--data", s.data).Output()
	if err != nil {
		t.Fatal(err)
	}
	var variables map[string]string
	if err := json.Unmarshal(printed, &variables); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWholeFlow$", "-test.v")
	cmd.Env = append(os.Environ(), intercepting+"="+strings.Join([]string{s.bin, s.admin, s.data}, "\n"))
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestWholeFlow") {
		t.Errorf("%v\n%s", err, out)
	}
}
