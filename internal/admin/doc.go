// Package admin is the operator's side over HTTP: an ordinary REST interface
// with ordinary status codes, described by openapi.yaml, and the client that
// the commands use.
//
//	admin.go     Server: routes, the bearer token, errors
//	operator.go  tickets, consent, cancellation, deployment
//	apply.go     world files
//	code.go      collection and check of all code
//	audit.go     the audit record
//	health.go    /healthz, /readyz, /metrics
//	client.go    Client: the same, from the other end
package admin

import _ "embed"

// OpenAPI is the document that describes the interface.
//
//go:embed openapi.yaml
var OpenAPI []byte
