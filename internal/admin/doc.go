// Package admin is the operator's side over HTTP: an ordinary REST interface
// with ordinary status codes, described by openapi.yaml, and the client that
// the commands use.
//
// A resource has one file, with its types, its handlers, and what Client does
// with it.
//
//	admin.go          Server: its settings and routes
//	access.go         the bearer token, what each role may do, and what may not pass
//	answer.go         answers and refusals in HTTP
//	list.go           lists, page by page
//	members.go        a request's body: its bound, JSON, the members of a resource
//	query.go          the parameters of a request's query
//	client.go         Client: the same interface, from the other end
//	apply.go          world files
//	platform.go       platforms and their secrets
//	push.go           what was pushed to event addresses
//	removal.go        the removal of both, step by step
//	miniprogram.go    Mini Programs
//	consentcode.go    codes by which merchants consent
//	authorization.go  tickets, consent, cancellation
//	function.go       functions and their code
//	code.go           zips: for world files, and of a merchant's developer
//	collection.go     collection and check of all code
//	environment.go    environments, and the tokens and credentials of their runtime
//	runtime.go        what an environment's runtime runs, and requests that wait for a change
//	whitelist.go      which calls a whitelist allows, its history, and why a call was refused
//	firsttoken.go     the first admin's token
//	admintoken.go     admin tokens
//	audit.go          the audit record, and times in JSON for people
//	backup.go         an archive of everything
//	status.go         how the server is: /v1/status, /healthz, /readyz, /metrics; the level of the log
//	testmode.go       the paths that are for tests: the clock, reset, snapshots
//	fault.go          the faults that are injected into calls, in test mode
//	journal.go        the latest calls, in test mode
package admin

import _ "embed"

// OpenAPI is the document that describes the interface.
//
//go:embed openapi.yaml
var OpenAPI []byte
