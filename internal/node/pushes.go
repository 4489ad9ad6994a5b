package node

import (
	"crypto/x509"
	"fmt"
	"os"
)

// pushRoots returns the certificates that event addresses may have: the machine's,
// and those of a file. Without a file it is nil, which stands for the machine's.
func pushRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--push-ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--push-ca %s: there is no certificate in PEM", file)
	}
	return roots, nil
}
