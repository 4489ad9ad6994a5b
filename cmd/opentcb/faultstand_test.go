package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/intercept"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// commandStand is a server, and a folder that a command runs in. n of a run is new
// each time.
type commandStand struct {
	*opentcbtest.Server
	t      *testing.T
	dir    string
	client *tcb.Client
	status int
	stdout string
	stderr string
	// base is where commands call the interfaces, and env what else they are told.
	base string
	env  []string
}

// codeOfRun is the zip that run n uploads; 0 is what is there.
func codeOfRun(n int) []byte {
	dir, err := os.MkdirTemp("", "opentcb-code-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	var zip bytes.Buffer
	err = os.WriteFile(filepath.Join(dir, "index.js"), fmt.Appendf(nil, "exports.main = async () => %d;\n", n), 0o600)
	if err = errors.Join(err, tcb.ZipFolder(&zip, dir, tcb.ZipOptions{})); err != nil {
		panic(err)
	}
	return zip.Bytes()
}

func sumOf(code []byte) string {
	sum := sha256.Sum256(code)
	return hex.EncodeToString(sum[:])
}

// newCommandStand starts a server. Over TLS commands call the real platform's hosts,
// for which its proxy answers.
func newCommandStand(t *testing.T, overTLS bool) *commandStand {
	t.Helper()
	data, proxy := filepath.Join(t.TempDir(), "data"), fmt.Sprintf("127.0.0.1:%d", testserver.FreePort(t))
	ran := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `"done"`)
	}))
	t.Cleanup(ran.Close)
	srv := opentcbtest.New(t, opentcbtest.World{
		Functions: []opentcbtest.Function{{Env: faultEnv, Name: "first"}},
	}, func(c *node.Config) {
		if c.Runtime = ran.URL; overTLS {
			c.Ephemeral, c.Data, c.Intercept = false, data, proxy
		}
	})
	s := &commandStand{
		Server: srv, t: t, client: srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID), base: srv.URL,
	}
	if overTLS {
		s.base = tcb.DefaultBaseURL
		s.env = []string{"HTTPS_PROXY=http://" + proxy, "SSL_CERT_FILE=" + filepath.Join(data, intercept.CertFile)}
	}
	s.upload()
	return s
}

// upload brings the function back to the code of run 0.
func (s *commandStand) upload() {
	s.t.Helper()
	upload := tcb.CodeUpload{Env: faultEnv, Function: "first", Handler: "index.main"}
	if _, err := s.client.UploadFunction(s.t.Context(), upload, bytes.NewReader(codeOfRun(0))); err != nil {
		s.t.Fatal(err)
	}
}

// prepare makes the folder of run n.
func (s *commandStand) prepare(n int) {
	s.t.Helper()
	s.dir = s.t.TempDir()
	p, err := s.client.GetCloudAccessToken(s.t.Context(), faultEnv)
	if err != nil {
		s.t.Fatal(err)
	}
	platform, appid := opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	fleet := "miniprograms:\n  - {appid: " + appid + ", envs: [" + faultEnv + "]}\nrules:\n  - {open: "
	files := map[string]string{
		"profiles.yaml": fmt.Sprintf("profiles:\n  main:\n    base_url: %s\n    platform: %s\n    secret: {value: %s}\n"+
			"    ticket: {value: \"%s\"}\n    miniprograms:\n      - {appid: %s, refresh_token: {value: \"%s\"}}\n",
			s.base, platform, "secret-of-"+platform, s.Ticket(platform), appid, s.RefreshToken(platform, appid)),
		"fleet.yaml":                  fmt.Sprintf("%strue, allow: [%s]}\n", fleet, entry(n)),
		"same.yaml":                   fmt.Sprintf("%s%t}\n", fleet, p.Open),
		fmt.Sprintf("%d/index.js", n): fmt.Sprintf("exports.main = async () => %d;\n", n),
	}
	for name, text := range files {
		file := filepath.Join(s.dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600))
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// run runs a command. One that stalls is interrupted, or ends by itself.
func (s *commandStand) run(m metCommand, n int, interrupt bool) {
	s.t.Helper()
	args := m.args(n)
	if args[0] == "fleet" && args[1] == "backup" {
		args = append(args, "--file", "same.yaml")
	}
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute) // far more than any may take
	defer cancel()
	cmd := exec.CommandContext(ctx, "opentcb", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &stdout, &stderr
	cmd.Env = append([]string{
		"GOCOVERDIR=" + s.t.TempDir(), // or a binary with coverage warns
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "XDG_CACHE_HOME=" + filepath.Join(s.dir, "cache"),
		"OPENTCB_PROFILES=" + filepath.Join(s.dir, "profiles.yaml"), "EDITOR=echo " + entry(n) + " >>",
	}, s.env...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for interrupt && !s.hasMet() && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if interrupt {
		_ = cmd.Process.Signal(os.Interrupt)
	}
	_ = cmd.Wait()
	if ctx.Err() != nil {
		s.t.Errorf("%s hung", m.name)
	}
	s.status, s.stdout, s.stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	s.noSecrets(m)
}

// hasMet reports whether the fault has acted.
func (s *commandStand) hasMet() bool {
	_, out, _ := runAgainst(s.t.Context(), s.Server, "fault", "list", "--json")
	return strings.Contains(out, `"hits":1`)
}

// ofToken finds what may be a token in the files that keep them.
var ofToken = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

// noSecrets holds what was printed against the secrets that the command knew.
func (s *commandStand) noSecrets(m metCommand) {
	s.t.Helper()
	platform, appid := opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	secrets := []string{
		"secret-of-" + platform, s.Ticket(platform), s.RefreshToken(platform, appid), "access_token=", "q-sign", "sign=",
	}
	if key, err := s.client.GetCodeSecret(s.t.Context()); err == nil && m.name != "getcodesecret" {
		secrets = append(secrets, key)
	}
	_ = filepath.WalkDir(filepath.Join(s.dir, "cache"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(path)
			secrets = append(secrets, ofToken.FindAllString(string(text), -1)...)
		}
		return nil
	})
	for _, secret := range secrets {
		if strings.Contains(s.stdout+s.stderr, secret) {
			s.t.Errorf("%s shows %q: %s%s", m.name, secret, s.stdout, s.stderr)
		}
	}
}

// meet has a command meet a fault once, and tells its status.
func (s *commandStand) meet(m metCommand, f opentcbtest.Fault, n int) string {
	s.t.Helper()
	if m.iface == "upload" {
		s.upload()
	}
	s.prepare(n)
	f.Interface, f.Skip, f.Times = m.iface, m.skip, 1
	s.Fault(f)
	interrupt := f.Stall && m.name != stallsLong
	s.run(m, n, interrupt)
	met := s.hasMet()
	s.ClearFaults()
	if !met {
		s.t.Errorf("%s met nothing: %d, %s%s", m.name, s.status, s.stdout, s.stderr)
	}
	if interrupt && !strings.Contains(s.stdout+s.stderr, "interrupt") && !strings.Contains(s.stderr, "canceled") {
		s.t.Errorf("%s was interrupted, and says %s%s", m.name, s.stdout, s.stderr)
	}
	if did := m.did(s, n); s.status == statusDone && !did {
		s.t.Errorf("%s ended with 0, and has not done its work: %s%s", m.name, s.stdout, s.stderr)
	}
	if s.status != statusDone && s.stdout+s.stderr == "" {
		s.t.Errorf("%s ended with %d and said nothing", m.name, s.status)
	}
	return fmt.Sprint(s.status)
}
