package profile

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// TLS is how a server is known and who asks, beside what the system knows: files in
// PEM. "" is none.
type TLS struct {
	CAFile                string // authorities that are believed too
	ClientCert, ClientKey string // of the caller, for servers and proxies that want them
}

// Transport returns how requests go with these files; http.DefaultTransport without.
func (t TLS) Transport() (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport)
	if t == (TLS{}) {
		return transport, nil
	}
	cfg := &tls.Config{}
	if t.CAFile != "" {
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, err
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CAFile)
		}
		cfg.RootCAs = roots
	}
	if (t.ClientCert == "") != (t.ClientKey == "") {
		return nil, errors.New("a client's certificate and its key go together")
	}
	if t.ClientCert != "" {
		cert, err := os.ReadFile(t.ClientCert)
		if err != nil {
			return nil, err
		}
		key, err := secretfile.Read(t.ClientKey)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", t.ClientCert, t.ClientKey, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	transport = transport.Clone()
	transport.TLSClientConfig = cfg
	return transport, nil
}

// Or returns what is said here, and of what is not, what is said there.
func (t TLS) Or(other TLS) TLS {
	if t.CAFile == "" {
		t.CAFile = other.CAFile
	}
	if t.ClientCert == "" && t.ClientKey == "" {
		t.ClientCert, t.ClientKey = other.ClientCert, other.ClientKey
	}
	return t
}
