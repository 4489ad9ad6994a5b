package intercept

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

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
