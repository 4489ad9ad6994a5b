package intercept

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// The files of the authority in its folder: its certificate, and its key.
const (
	CertFile = "intercept-ca.pem"
	KeyFile  = "intercept-ca.key"
)

// How long certificates are good (TL-4), and how long before its end an authority is
// replaced at the start.
const (
	authorityLife = 820 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
	skew          = time.Hour // clocks may differ by that
)

// Authority makes certificates for Hosts. Whoever trusts it is at the mercy of its
// key for these hosts, and for no other: that stands in its own certificate, where
// clients look (TL-4).
type Authority struct {
	Path string // of its certificate
	// IsNew reports whether it was made just now, so that nobody trusts it yet.
	IsNew bool

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	own  *ecdsa.PrivateKey // of all certificates that it makes

	mu      sync.Mutex
	configs map[string]*tls.Config // by host
}

// Open reads the authority of a folder, or makes one: at the first start, and when
// the one that is there is about to end or is for other hosts.
func Open(folder string) (*Authority, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	a := &Authority{Path: filepath.Join(folder, CertFile), configs: map[string]*tls.Config{}}
	if a.own, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	err = a.read(root)
	if err == nil && a.isGood() {
		return a, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the authority of --intercept: %w: remove %s and %s, and another is made", err, a.Path, KeyFile)
	}
	return a, a.make(root)
}

func (a *Authority) read(root *os.Root) error {
	cert, err := secretfile.ReadIn(root, CertFile)
	if err != nil {
		return err
	}
	key, err := secretfile.ReadIn(root, KeyFile)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	own, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("its key is of another kind")
	}
	a.cert, a.key = pair.Leaf, own
	return nil
}

// isGood reports whether the authority that was read lasts, and is what would be made
// today.
func (a *Authority) isGood() bool {
	return time.Until(a.cert.NotAfter) > renewBefore && a.cert.IsCA && a.cert.PermittedDNSDomainsCritical &&
		slices.Equal(a.cert.PermittedDNSDomains, Hosts)
}

// make makes the authority. The key is written first: a certificate without its key
// would be read, and refused.
func (a *Authority) make(root *os.Root) (err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	everyIP4 := net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	everyIP6 := net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "OpenTCB intercept, made " + time.Now().UTC().Format(time.DateTime)},
		IsCA:        true,
		KeyUsage:    x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotAfter:    time.Now().Add(authorityLife), BasicConstraintsValid: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         Hosts,
		ExcludedIPRanges:            []*net.IPNet{&everyIP4, &everyIP6},
	}
	der, err := sign(template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	a.IsNew = true
	if err := secretfile.Write(root, KeyFile, encode("PRIVATE KEY", key)); err != nil {
		return err
	}
	return secretfile.Write(root, CertFile, encode("CERTIFICATE", der))
}

func sign(template, parent *x509.Certificate, of *ecdsa.PublicKey, by *ecdsa.PrivateKey) ([]byte, error) {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial)
	serial[0] &= 0x7f
	template.SerialNumber, template.NotBefore = new(big.Int).SetBytes(serial), time.Now().Add(-skew)
	return x509.CreateCertificate(rand.Reader, template, parent, of, by)
}

func encode(kind string, der []byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der})
	return b.Bytes()
}

// Config returns how a server speaks TLS as one of Hosts. Certificates are made on
// demand and kept in memory, until a day before they end.
func (a *Authority) Config(host string) (*tls.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cfg := a.configs[host]; cfg != nil && time.Until(cfg.Certificates[0].Leaf.NotAfter) > 24*time.Hour {
		return cfg, nil
	}
	until := time.Now().Add(leafLife)
	if until.After(a.cert.NotAfter) {
		until = a.cert.NotAfter
	}
	der, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, &a.own.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a.configs[host] = &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.own, Leaf: leaf}},
	}
	return a.configs[host], nil
}
