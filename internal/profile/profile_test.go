package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write writes a file of profiles and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profiles.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// All faults of a file are reported at once, and none shows a secret.
func TestFaults(t *testing.T) {
	path := write(t, `profiles:
  one:
    platfrom: wx00000000000000c1
    secret: {value: hush, env: NAME}
    ticket: {vaule: hush}
    miniprograms: [{appid: "", refresh_token: {}}]
  two: {platform: wx00000000000000c1, secret: hush, ticket: {value: 5}}
  one: {}
  three: {platform: wx00000000000000c1}
  four: {platform: wx00000000000000c1, ticket: {value: hush}, miniprograms: [{appid: wx00000000000000a1}]}
`)
	_, err := Read(path)
	const one = "needs one of value, env, file and command"
	want := strings.Join([]string{
		`3: profile one: it has no member "platfrom": did you mean platform?`,
		`3: profile one: it needs platform`,
		`4: profile one: secret ` + one,
		`5: profile one: ticket has no member "vaule": did you mean value?`,
		`5: profile one: ticket ` + one,
		`6: profile one: appid "" is no appid, which is wx and 16 letters or digits`,
		`6: profile one: refresh_token ` + one,
		"7: profile two: secret must be a mapping of `name: value`; this is a string",
		`7: profile two: ticket: value must be a string, and YAML can read this as another type: write it in quotes`,
		`8: "one" is said twice, first on line 2`,
		`9: profile three: it needs secret and ticket, or component_access_token or access_token, where production keeps them`,
		`10: profile four: a Mini Program needs refresh_token or access_token`,
		`10: profile four: secret and ticket go together`,
	}, "\n")
	if diff := cmp.Diff(want, strings.ReplaceAll(fmt.Sprint(err), path+":", "")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// TestSample reads the sample, which is written once.
func TestSample(t *testing.T) {
	path := filepath.Join(t.TempDir(), "opentcb", "profiles.yaml")
	if err := WriteSample(path); err != nil {
		t.Fatal(err)
	}
	profiles, err := Read(path)
	if err != nil || len(profiles) != 1 || profiles[0].Name != "main" || len(profiles[0].MiniPrograms) != 1 {
		t.Errorf("%+v, %v", profiles, err)
	}
	if err := WriteSample(path); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("written again: %v", err)
	}
}

// TestSecrets finds secrets in all places, and for a Mini Program that the
// profile does not name.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wx2"), []byte(" from file \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKEN_wx2", "from variable")
	for _, c := range []struct {
		secret Secret
		want   string
	}{
		{Secret{Value: "from profile"}, "from profile"},
		{Secret{Env: "TOKEN_{appid}"}, "from variable"},
		{Secret{File: filepath.Join(dir, "{appid}")}, "from file"},
		{Secret{Command: "echo from command $APPID"}, "from command wx2"},
		{Secret{Env: "TOKEN_{appid}_NONE"}, "the variable TOKEN_wx2_NONE is not set"},
		{Secret{Command: "exit 1"}, "its command failed: exit status 1"},
		{Secret{Command: "echo"}, "it is empty"},
	} {
		m, ok := Profile{RefreshToken: c.secret, MiniPrograms: []MiniProgram{{AppID: "wx2"}}}.MiniProgram("wx2")
		got, err := m.RefreshToken.Get(t.Context())
		if err != nil {
			got = err.Error()
		}
		if !ok || m.AppID != "wx2" || got != c.want {
			t.Errorf("%+v: %q, want %q", c.secret, got, c.want)
		}
	}
	if _, ok := (Profile{}).MiniProgram("wx2"); ok {
		t.Error("a profile without a refresh token has one")
	}
}
