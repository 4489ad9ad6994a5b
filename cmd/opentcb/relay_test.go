package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// process runs the binary in a folder and returns it with the fields of its ready line.
func process(t *testing.T, dir string, args ...string) (*exec.Cmd, map[string]string) {
	t.Helper()
	path, err := exec.LookPath("opentcb") // testscript has put it there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_CACHE_HOME=" + dir, "TMPDIR=" + os.TempDir()}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready ") {
		t.Fatalf("opentcb %q did not become ready: %q", args, lines.Text())
	}
	fields := map[string]string{}
	for _, field := range strings.Fields(lines.Text())[1:] {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	go func() {
		for lines.Scan() { // so that it never waits for a reader
		}
	}()
	return cmd, fields
}

// TestRelayProcess: what a server pushes to a relay is passed on after the relay was
// killed, and the ticket that it has lets a profile call the server.
func TestRelayProcess(t *testing.T) {
	dir := t.TempDir()
	var down atomic.Bool
	down.Store(true)
	got := make(chan string, 100)
	key := tcb.EventKey{Token: "another", EncodingAESKey: strings.Repeat("k", 43)}
	receive := func(_ context.Context, e tcb.Event) error {
		if down.Load() {
			got <- ""
			return errors.New("down")
		}
		got <- e.ComponentVerifyTicket
		return nil
	}
	h, err := tcb.NewEventHandler(demoPlatform, []tcb.EventKey{key}, tcb.OnEvent(receive))
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewServer(h)
	defer target.Close()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bearer", "bearer-of-the-relay\n")
	write("relay.yaml", "from: {token: {value: "+demoEventToken+"}, aes_key: {value: "+demoEventKey+"}}\n"+
		"bearer: {file: bearer}\nto: [{url: "+target.URL+", token: {value: "+key.Token+"}, aes_key: {value: "+key.EncodingAESKey+"}}]\n")
	args := []string{"relay", "--platform", demoPlatform, "--config", "relay.yaml", "--data", "kept"}
	killed, ready := process(t, dir, append(args, "--listen", "127.0.0.1:0")...)
	process(t, dir, "dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--event-url", ready["events"])
	if ticket := received(t, got); ticket != "" {
		t.Fatalf("a receiver that is down has taken %q", ticket)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	down.Store(false)
	ended, _ := process(t, dir, append(args, "--listen", strings.TrimPrefix(ready["relay"], "http://"))...)
	for received(t, got) == "" { // of a try before the kill
	}

	profiles := filepath.Join(dir, devData, "demo", demoProfiles)
	text, err := os.ReadFile(profiles)
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // it is written once the server is ready
		text, err = os.ReadFile(profiles)
	}
	asked := strings.Replace(string(text), "ticket: {value: "+demoTicket+"}",
		"ticket: {relay: \""+ready["relay"]+"\", bearer: {file: bearer}}", 1)
	if err != nil || asked == string(text) {
		t.Fatalf("the demo's profiles are %q, %v", text, err)
	}
	write("profiles.yaml", asked)
	get := exec.Command("opentcb", "getcodesecret", "--profiles", "profiles.yaml")
	get.Dir, get.Env = dir, ended.Env
	if out, err := get.CombinedOutput(); err != nil {
		t.Errorf("with the relay's ticket: %v: %s", err, out)
	}
	if err := ended.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := ended.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// TestRelayTLS: a relay speaks HTTPS, and none other uses its folder meanwhile.
func TestRelayTLS(t *testing.T) {
	dir, authority := t.TempDir(), testserver.NewAuthority(t)
	cert, key := authority.IssueTo(dir)
	const pair = "token: {value: token}, aes_key: {value: " + demoEventKey + "}"
	err := os.WriteFile(filepath.Join(dir, "relay.yaml"), []byte("from: {"+pair+"}\nbearer: {value: bearer-of-the-relay}\n"+
		"to: [{url: http://127.0.0.1:1, "+pair+"}]\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"relay", "--platform", demoPlatform, "--config", "relay.yaml", "--data", "kept", "--listen", "127.0.0.1:0"}
	first, ready := process(t, dir, append(args, "--tls-cert", cert, "--tls-key", key)...)
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	resp, err := client.Get(ready["relay"] + "/ticket")
	if err != nil || !strings.HasPrefix(ready["relay"], "https://") {
		t.Fatalf("%v: %v", ready, err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the ticket without the bearer: %s", resp.Status)
	}
	for sentence, more := range map[string][]string{
		"another relay is using the folder": nil, "--tls-cert and --tls-key go together": {"--tls-cert", cert},
	} {
		second := exec.Command("opentcb", append(args, more...)...)
		second.Dir, second.Env = dir, first.Env
		if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), sentence) {
			t.Errorf("a second relay: %v: %s", err, out)
		}
	}
}

// received is what comes next.
func received(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case ticket := <-got:
		return ticket
	case <-time.After(time.Minute):
		t.Fatal("nothing was passed on within a minute")
		return ""
	}
}

// TestRelayBounds: what strangers send to a relay takes little of it, in TLS too.
func TestRelayBounds(t *testing.T) {
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	plain := func(address string) (net.Conn, error) { return net.Dial("tcp", address) }
	inTLS := func(address string) (net.Conn, error) {
		return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	}
	for name, c := range map[string]struct {
		config *tls.Config
		dial   func(string) (net.Conn, error)
	}{"plain": {nil, plain}, "tls": {secure.TLS, inTLS}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serveRelay(ctx, http.NotFoundHandler(), l, c.config) }()
		for lines, want := range map[int]int{50: http.StatusNotFound, 200: http.StatusRequestHeaderFieldsTooLarge} {
			conn, err := c.dial(l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+strings.Repeat("a:\r\n", lines)+"\r\n")
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != want {
				t.Errorf("%s, %d lines: %v, %v", name, lines, resp, err)
			}
			conn.Close()
		}
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
