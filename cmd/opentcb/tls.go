package main

import (
	"net/http"

	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/profile"
)

// tlsFlags are the flags of commands that call a server.
type tlsFlags struct{ profile.TLS }

func (t *tlsFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.CAFile, "ca-file", "", "PEM file of authorities to believe beside the system's")
	f.StringVar(&t.ClientCert, "client-cert", "", "PEM file of the certificate to show, for servers that want one")
	f.StringVar(&t.ClientKey, "client-key", "", "PEM file of its key")
}

// transport returns how requests go. What is wrong with the files is wrong usage.
func (t *tlsFlags) transport() (*http.Transport, error) {
	transport, err := t.Transport()
	if err != nil {
		return nil, usageError{err}
	}
	return transport, nil
}
