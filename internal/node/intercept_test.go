package node_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/intercept"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// interceptBench is a server with a proxy for clients of the real platform.
type interceptBench struct {
	*bench
	proxy *url.URL
	roots *x509.CertPool
}

func startIntercept(t *testing.T, settings ...func(*node.Config)) *interceptBench {
	b := startBenchOn(t, nil, append(settings, func(cfg *node.Config) { cfg.Intercept = "127.0.0.1:0" })...)
	proxy, err := url.Parse(b.node.InterceptURL())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(b.cfg.Data, intercept.CertFile))
	if err != nil {
		t.Fatal(err)
	}
	i := &interceptBench{bench: b, proxy: proxy, roots: x509.NewCertPool()}
	i.roots.AppendCertsFromPEM(ca)
	return i
}

// client goes through the proxy and trusts its authority.
func (i *interceptBench) client() *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyURL(i.proxy), TLSClientConfig: &tls.Config{RootCAs: i.roots}, ForceAttemptHTTP2: true,
	}
	i.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestIntercept: the four hosts are answered for, by CONNECT and in the absolute
// form; others are refused by name, and let through where the operator says so.
//
// Proves: TL-3
func TestIntercept(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "elsewhere: ", r.Host)
	}))
	defer elsewhere.Close()
	plain := httptest.NewServer(elsewhere.Config.Handler)
	defer plain.Close()
	i := startIntercept(t, func(cfg *node.Config) { cfg.InterceptPass = []string{"localhost"} })
	i.roots.AddCert(elsewhere.Certificate())
	c := i.client()
	for _, host := range intercept.Hosts {
		for _, scheme := range []string{"http", "https"} {
			i.wants(c, scheme+"://"+host+"/readyz", http.StatusOK, `"ok"`)
		}
		// As some clients ask, TLS or not.
		status, text := i.absolute("GET https://" + host + "/readyz HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		if status != http.StatusOK || !strings.Contains(text, `"ok"`) {
			t.Errorf("the absolute form, https://%s: %d %s", host, status, text)
		}
	}
	i.wants(c, "http://example.com/", http.StatusForbidden, "example.com")
	if _, err := c.Get("https://example.com/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("https://example.com: %v", err)
	}
	status, text := i.absolute("CONNECT api.weixin.qq.com:22 HTTP/1.1\r\nHost: x\r\n\r\n")
	if status != http.StatusForbidden || !strings.Contains(text, "api.weixin.qq.com:22") {
		t.Errorf("another port: %d %s", status, text)
	}
	i.wants(http.DefaultClient, i.proxy.String()+"/", http.StatusBadRequest, "opentcb intercept env")
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	i.wants(c, "http://localhost:"+port+"/", http.StatusOK, "elsewhere: localhost")
	i.wants(c, "http://127.0.0.1:"+port+"/", http.StatusForbidden, "127.0.0.1")
	_, port, _ = net.SplitHostPort(elsewhere.Listener.Addr().String())
	c.Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com" // httptest's certificate is for that
	i.wants(c, "https://localhost:"+port+"/", http.StatusOK, "elsewhere: localhost")
}

func (i *interceptBench) wants(c *http.Client, url string, status int, text string) {
	i.t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		i.t.Error(err)
		return
	}
	defer resp.Body.Close()
	got, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != status || !bytes.Contains(got, []byte(text)) {
		i.t.Errorf("%s: %s %s", url, resp.Status, got)
	}
}

// absolute sends a request to the proxy as it is.
func (i *interceptBench) absolute(request string) (status int, text string) {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.proxy.Host)
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(conn, request)
	var b bytes.Buffer
	_, _ = io.CopyN(&b, conn, 12)
	for !strings.Contains(b.String(), "\r\n\r\n") {
		if _, err := io.CopyN(&b, conn, 1); err != nil {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.Copy(&b, conn)
	_, err = fmt.Sscanf(b.String(), "HTTP/1.1 %d", &status)
	if err != nil {
		i.t.Fatal(err, b.String())
	}
	return status, b.String()
}

// TestInterceptIsLocal: the proxy listens on this machine alone.
//
// Proves: TL-4
func TestInterceptIsLocal(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "": true,
		"0.0.0.0:0": false, ":8082": false, "10.0.0.5:8082": false, "[::]:0": false, "example.com:80": false,
	} {
		cfg := node.Default()
		cfg.Intercept = address
		if err := cfg.Check(); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestInterceptedHosts: the host that the caller used stands in links and in what is
// signed, whatever the server's own name is; as api.weixin.qq.com uploads are signed
// for scf.tencentcloudapi.com.
//
// Proves: TL-5, DF-7
func TestInterceptedHosts(t *testing.T) {
	i := startIntercept(t, func(cfg *node.Config) { cfg.PublicURL = "https://tcb.example.com" })
	token := i.authorizerToken()
	c := i.client()
	ask := func(url, body string) (answer struct{ Headers, URL string }) {
		t.Helper()
		resp, err := c.Post(url+"?access_token="+token, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if err := json.Unmarshal(text, &answer); err != nil || !bytes.Contains(text, []byte(`"errcode":0`)) {
			t.Fatalf("%s: %s", url, text)
		}
		return answer
	}
	sum := strings.Repeat("0", 64)
	for base, want := range map[string]string{
		"https://api.weixin.qq.com":       "scf.tencentcloudapi.com",
		"http://api.weixin.qq.com":        "scf.tencentcloudapi.com",
		"https://scf.tencentcloudapi.com": "scf.tencentcloudapi.com",
		"https://mp.weixin.qq.com":        "mp.weixin.qq.com",
	} {
		if got := ask(base+"/tcb/getuploadsignature", `{"hashed_payload":"`+sum+`"}`).Headers; !strings.Contains(got, "Host:"+want+"\r\n") {
			t.Errorf("%s signs for %q", base, got)
		}
	}
	ask("https://api.weixin.qq.com/tcb/createfunction", `{"env":"slow-env","function_name":"ff"}`)
	// A client that knows nothing but the real platform uploads.
	client := tcb.Client{HTTP: c, Tokens: tcb.StaticToken(token)}
	upload := tcb.CodeUpload{Env: "slow-env", Function: "ff"}
	if _, err := client.UploadFunction(t.Context(), upload, bytes.NewReader(testZip(t, "f"))); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"https://api.weixin.qq.com", "http://api.weixin.qq.com"} {
		link := ask(base+"/tcb/downloadfunction", `{"env":"slow-env","function_name":"ff"}`).URL
		if !strings.HasPrefix(link, base+"/download/") {
			t.Errorf("%s leads to %s", base, link)
		}
		i.wants(c, link, http.StatusOK, "PK")
	}
}

// programs are how each runtime gets an address, and prints what it answers: without
// a word about proxies or certificates.
var programs = map[string]func(t *testing.T, dir, url string) *exec.Cmd{
	"curl": func(t *testing.T, _, url string) *exec.Cmd {
		return exec.Command(testserver.Program(t, "curl"), "-sS", url)
	},
	"Go": func(_ *testing.T, _, url string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGetForIntercept$", "-test.v")
		cmd.Env = []string{"OPENTCB_TEST_GET=" + url}
		return cmd
	},
	"Node, fetch": func(t *testing.T, _, url string) *exec.Cmd {
		return exec.Command(testserver.Program(t, "node"), "-e", `fetch(process.argv[1]).then(r => r.text()).then(console.log)`, url)
	},
	"Node, https": func(t *testing.T, _, url string) *exec.Cmd {
		return exec.Command(testserver.Program(t, "node"), "-e",
			`require('node:https').get(process.argv[1], r => r.on('data', d => process.stdout.write(d)))`, url)
	},
	"Python": func(t *testing.T, _, url string) *exec.Cmd {
		return exec.Command(testserver.Program(t, "python3"), "-c",
			`import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read())`, url)
	},
	"PHP": func(t *testing.T, _, url string) *exec.Cmd {
		return exec.Command(testserver.Program(t, "php"), "-r",
			`$c = curl_init($argv[1]); if (!curl_exec($c)) { echo curl_error($c); exit(1); }`, url)
	},
	"Java": func(t *testing.T, dir, url string) *exec.Cmd {
		testserver.Program(t, "javac") // which runs sources
		source := filepath.Join(dir, "Get.java")
		if err := os.WriteFile(source, []byte(javaGet), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(testserver.Program(t, "java"), source, url)
	},
}

const javaGet = `import java.net.URI;
import java.net.http.*;
public class Get {
  public static void main(String[] args) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(args[0])).build();
    System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
`

// TestGetForIntercept is what Go does in TestInterceptSettings.
func TestGetForIntercept(t *testing.T) {
	url := os.Getenv("OPENTCB_TEST_GET")
	if url == "" {
		return
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(os.Stdout, resp.Body)
}

// TestInterceptSettings: the printed settings make each runtime use the proxy and
// trust it.
//
// Proves: TL-4
func TestInterceptSettings(t *testing.T) {
	i := startIntercept(t)
	settings, err := intercept.Settings(i.proxy.String(), filepath.Join(i.cfg.Data, intercept.CertFile))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for _, s := range settings {
		env = append(env, s.Name+"="+s.Value)
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := program(t, t.TempDir(), "https://api.weixin.qq.com/readyz")
			cmd.Env = append(cmd.Env, env...)
			cmd.WaitDelay = time.Second
			stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
			defer stop()
			if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(`{"status":"ok"}`)) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	for _, shell := range []string{"sh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			text, err := intercept.Write(settings, shell)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(testserver.Program(t, shell), "-c", text+"curl -sS https://api.weixin.qq.com/readyz")
			cmd.Env = env[:2]
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != `{"status":"ok"}` {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
