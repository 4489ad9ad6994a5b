package intercept

import (
	"bytes"
	"crypto/sha1"
	_ "embed"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// trustFiles are the paths of what programs want to read.
type trustFiles struct {
	roots string // the system's authorities and ours, in PEM
	java  string // ours, as Java keeps authorities
	php   string // a folder with settings of PHP
	node  string // what Node runs first
}

// systemRoots are where systems keep all authorities in one file.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// nodeSetup makes a Node use the proxy that does not by itself: those before 22.21.
//
//go:embed node.cjs
var nodeSetup []byte

// writeTrust writes the files beside the authority's certificate.
func writeTrust(authority string) (f trustFiles, err error) {
	own, err := os.ReadFile(authority)
	if err != nil {
		return f, err
	}
	block, _ := pem.Decode(own)
	if block == nil {
		return f, errors.New(authority + " holds no certificate in PEM")
	}
	root, err := os.OpenRoot(filepath.Dir(authority))
	if err != nil {
		return f, err
	}
	defer root.Close()
	if err := root.MkdirAll("intercept-php", 0o700); err != nil {
		return f, err
	}
	at := func(name string) string { return filepath.Join(root.Name(), name) }
	f = trustFiles{at("intercept-roots.pem"), at("intercept-ca.jks"), at("intercept-php"), at("intercept-node.cjs")}
	roots := own
	for _, file := range systemRoots {
		if text, err := os.ReadFile(file); err == nil {
			roots = append(append(text, '\n'), own...)
			break
		}
	}
	php := "curl.cainfo=\"" + f.roots + "\"\nopenssl.cafile=\"" + f.roots + "\"\n"
	return f, errors.Join(
		secretfile.Write(root, "intercept-roots.pem", roots),
		secretfile.Write(root, "intercept-ca.jks", javaStore(block.Bytes)),
		secretfile.Write(root, "intercept-php/opentcb.ini", []byte(php)),
		secretfile.Write(root, "intercept-node.cjs", nodeSetup),
	)
}

// javaPassword seals the store, which holds no secret: Java wants one.
const javaPassword = "opentcb"

// javaStore returns a store of the form JKS with one authority.
func javaStore(der []byte) []byte {
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, binary.BigEndian, v) }
	text := func(s string) {
		write(uint16(len(s)))
		b.WriteString(s)
	}
	for _, v := range []uint32{0xFEEDFEED, 2, 1, 2} { // magic, version, entries, a certificate
		write(v)
	}
	text("opentcb")
	write(time.Now().UnixMilli())
	text("X.509")
	write(uint32(len(der)))
	b.Write(der)
	sum := sha1.New()
	for _, unit := range utf16.Encode([]rune(javaPassword)) {
		sum.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	sum.Write([]byte("Mighty Aphrodite"))
	sum.Write(b.Bytes())
	return sum.Sum(b.Bytes())
}

// Shells are those for which Settings can be written.
var Shells = []string{"sh", "fish", "powershell"}

// Setting is a variable of the environment.
type Setting struct{ Name, Value string }

// Settings returns what makes curl, Go, Node, Python, PHP and Java use a proxy and
// trust its authority, and writes the files that these name beside the authority's.
// proxy is its address, such as http://127.0.0.1:8082.
func Settings(proxy, authority string) ([]Setting, error) {
	files, err := writeTrust(authority)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(proxy)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return nil, err
	}
	const here = "localhost,127.0.0.1,::1"
	list := string(filepath.ListSeparator)
	return []Setting{
		{"HTTP_PROXY", proxy}, {"HTTPS_PROXY", proxy}, {"NO_PROXY", here},
		{"http_proxy", proxy}, {"https_proxy", proxy}, {"no_proxy", here},
		{"SSL_CERT_FILE", files.roots}, {"CURL_CA_BUNDLE", files.roots}, {"REQUESTS_CA_BUNDLE", files.roots},
		{"NODE_EXTRA_CA_CERTS", authority}, {"NODE_USE_ENV_PROXY", "1"},
		{"NODE_OPTIONS", fmt.Sprintf("--require %q", filepath.ToSlash(files.node))},
		{"PHP_INI_SCAN_DIR", list + files.php}, // and its own
		{"JAVA_TOOL_OPTIONS", strings.Join([]string{
			"-Dhttp.proxyHost=" + host, "-Dhttp.proxyPort=" + port, "-Dhttps.proxyHost=" + host, "-Dhttps.proxyPort=" + port,
			"-Dhttp.nonProxyHosts=localhost|127.*|[::1]",
			quoted("-Djavax.net.ssl.trustStore=" + files.java),
			"-Djavax.net.ssl.trustStoreType=JKS", "-Djavax.net.ssl.trustStorePassword=" + javaPassword,
		}, " ")},
	}, nil
}

// quoted quotes an option of Java that has a space.
func quoted(option string) string {
	if strings.Contains(option, " ") {
		return `"` + option + `"`
	}
	return option
}

// Write returns the settings as commands of a shell, a line each. The error names the
// shells that there are.
func Write(settings []Setting, shell string) (string, error) {
	if !slices.Contains(Shells, shell) {
		return "", fmt.Errorf("--shell %q: give %s", shell, strings.Join(Shells, ", "))
	}
	var b strings.Builder
	for _, s := range settings {
		switch shell {
		case "sh":
			fmt.Fprintf(&b, "export %s='%s'\n", s.Name, strings.ReplaceAll(s.Value, "'", `'\''`))
		case "fish":
			value := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s.Value)
			fmt.Fprintf(&b, "set -gx %s '%s'\n", s.Name, value)
		case "powershell":
			fmt.Fprintf(&b, "$env:%s = '%s'\n", s.Name, strings.ReplaceAll(s.Value, "'", "''"))
		}
	}
	return b.String(), nil
}
