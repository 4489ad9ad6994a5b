package intercept

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net"

	"github.com/opentcb/opentcb/internal/testserver"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAuthorityFiles: the authority is made once, its files are for its owner alone,
// and it is made anew when it is about to end.
//
// Proves: TL-4
func TestAuthorityFiles(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if again := open(t, dir); !first.IsNew || again.IsNew || !again.cert.Equal(first.cert) {
		t.Error("the authority is not the one that was made")
	}
	for _, name := range []string{CertFile, KeyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if life := first.cert.NotAfter.Sub(first.cert.NotBefore); life > 825*24*time.Hour {
		t.Errorf("it lives for %v", life)
	}
	if err := os.Chmod(filepath.Join(dir, KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	if first.cert.NotAfter = time.Now().Add(renewBefore - time.Hour); first.isGood() {
		t.Error("one that is about to end is kept")
	}
}

// vouched returns the file of a certificate for names that the authority signs,
// whatever it may vouch for.
func vouched(t *testing.T, a *Authority, names []string, ips ...net.IP) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := sign(&x509.Certificate{
		DNSNames: names, IPAddresses: ips, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "leaf.pem")
	if err := os.WriteFile(file, encode("CERTIFICATE", der), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAuthorityIsBound: what the authority signs for other hosts, or for any IP
// address, is refused by OpenSSL and by Go.
//
// Proves: TL-4
func TestAuthorityIsBound(t *testing.T) {
	openssl := testserver.Program(t, "openssl")
	a := open(t, t.TempDir())
	for name, c := range map[string]struct {
		names []string
		ips   []net.IP
		good  bool
	}{
		"a host of its own": {names: Hosts[:1], good: true}, "all of its own": {names: Hosts, good: true},
		"another host": {names: []string{"example.com"}}, "its host and another": {names: []string{Hosts[0], "weixin.qq.com"}},
		"an address": {names: Hosts[:1], ips: []net.IP{net.IPv4(127, 0, 0, 1)}}, "an address of IPv6": {ips: []net.IP{net.IPv6loopback}},
		"a host that ends alike": {names: []string{"evil-" + Hosts[0]}},
	} {
		file := vouched(t, a, c.names, c.ips...)
		out, err := exec.Command(openssl, "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", a.Path, file).CombinedOutput()
		if (err == nil) != c.good {
			t.Errorf("%s: openssl: %v %s", name, err, out)
		}
		text, _ := os.ReadFile(file)
		block, _ := pem.Decode(text)
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(a.cert)
		_, err = leaf.Verify(x509.VerifyOptions{Roots: roots})
		if (err == nil) != c.good {
			t.Errorf("%s: Go: %v", name, err)
		}
	}
	text, err := exec.Command(openssl, "x509", "-in", a.Path, "-noout", "-text").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "X509v3 Name Constraints: critical") {
		t.Errorf("the constraints are not critical: %v\n%s", err, text)
	}
}

// TestLeaves: certificates are made once for each host, and anew before they end.
func TestLeaves(t *testing.T) {
	a := open(t, t.TempDir())
	first, err := a.Config(Hosts[0])
	again, err2 := a.Config(Hosts[0])
	other, err3 := a.Config(Hosts[3])
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if first != again || first == other || other.Certificates[0].Leaf.VerifyHostname(Hosts[3]) != nil {
		t.Error("a certificate is another's")
	}
	first.Certificates[0] = tls.Certificate{Leaf: &x509.Certificate{NotAfter: time.Now().Add(time.Hour)}}
	if next, err := a.Config(Hosts[0]); err != nil || next == first {
		t.Errorf("one that ends is kept: %v", err)
	}
}

// TestShells: each shell reads back what was written, where it is to be had.
//
// Proves: TL-4
func TestShells(t *testing.T) {
	const odd = `it's "a" \ $HOME %q`
	for shell, want := range map[string]string{
		"sh":         `export X='it'\''s "a" \ $HOME %q'` + "\n",
		"fish":       `set -gx X 'it\'s "a" \\ $HOME %q'` + "\n",
		"powershell": `$env:X = 'it''s "a" \ $HOME %q'` + "\n",
	} {
		text, err := Write([]Setting{{"X", odd}}, shell)
		if err != nil || text != want {
			t.Errorf("%s: %q, %v", shell, text, err)
		}
		if shell == "powershell" {
			continue // no package of Debian's has it
		}
		out, err := exec.Command(testserver.Program(t, shell), "-c", text+`printf %s "$X"`).Output()
		if err != nil || string(out) != odd {
			t.Errorf("%s reads %q, %v", shell, out, err)
		}
	}
	if _, err := Write(nil, "cmd"); err == nil || !strings.Contains(err.Error(), "sh, fish, powershell") {
		t.Errorf("cmd: %v", err)
	}
}
