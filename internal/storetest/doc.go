// Package storetest is the exam of cloud.Store: what every implementation has
// to pass, whatever database it is on. It is used from tests only.
//
//	storetest.go      Run and its parts, and how a part looks at a store
//	fixture.go        the rows that every part begins with, none with a zero value
//	life.go           a store that is empty, reopened, cancelled or closed
//
// The exam of the verbs of each noun of package cloud:
//
//	platform.go       platforms: compare and swap of issue times
//	account.go        how accounts are changed, and what that does to what is below
//	quota.go          what bounds platforms, and what servers have counted
//	removal.go        what is removed for good, step by step
//	view.go           lists of platforms and Mini Programs, and what there is below them
//	environment.go    accounts and environments as a world file makes them
//	authorization.go  authorizations and authorization codes
//	consent.go        what merchants consent with, and where the page may lead
//	authorizer.go     the authorizations of a platform, for itself
//	refreshtoken.go   the refresh tokens of consents
//	event.go          event addresses, and which changes are events
//	push.go           what is pushed to them
//	codesecret.go     code protection keys
//	permission.go     sets: version, switch, whitelist
//	history.go        the changes of an environment's permission
//	envcredential.go  the revocation of an environment's credentials
//	runtime.go        when what runtimes see has changed
//	admintoken.go     tokens of the admin interface
//	function.go       functions, and the replacement of their code
//	funcconfig.go     the configuration of functions
//	code.go           code that is held, in use or doomed
//	apply.go          the changes of a world file, all or none
//	worldpages.go     everything that a world file says, in pages
//	audit.go          the audit record
//	observe.go        counts of cloud calls
//	refusal.go        records of refused cloud calls
//	prune.go          what is deleted, and what must stay
package storetest
