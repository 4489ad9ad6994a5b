// Command opentcb is the server of the cloud-development interfaces, the
// operator's commands for one, and a platform's commands for any. "opentcb
// help" is its manual. A command that calls an interface stands in the file of
// the interface's name.
//
//	main.go      the table of commands, and what becomes of their errors; opentcb version
//	command.go   groups of commands, help, arguments, flags from variables
//	examples.go  the examples in help
//	status.go    exit statuses
//	print.go     results for a person, or as JSON, and how far a long command has come
//
// The server:
//
//	serve.go  opentcb serve
//	dev.go    opentcb dev: the quick start, and the functions that it runs
//	intercept.go  opentcb intercept env
//	log.go    the log of what runs for long, which its reader cannot end; opentcb log-level
//	demo.go   the demo world, its credentials, and demo.tmpl: lines to paste
//
// The operator's commands, over the admin interface:
//
//	remote.go     the way to a running server, and the values that a shell completes
//	serverstatus.go         opentcb status
//	apply.go      opentcb apply, world
//	resource.go   what the commands of resources have in common
//	platform.go   opentcb platform list, show, add, set, disable, enable, remove; quotas as flags
//	miniprogram.go  opentcb miniprogram, likewise
//	environment.go    opentcb environment, likewise
//	consentcode.go    codes by which merchants consent
//	authorization.go  opentcb authorization list, show, add, remove; opentcb authorize, revoke
//	function.go       opentcb function list, show, remove
//	push.go       opentcb push, ticket
//	deploy.go     opentcb deploy
//	audit.go      opentcb audit
//	snapshot.go   opentcb reset, snapshot save, restore, list, remove
//	clock.go      opentcb clock show, freeze, advance, real
//	admintoken.go  opentcb admin-token create, list, revoke, rotate
//	code.go       opentcb gc, scrub: stored code
//	backup.go     opentcb backup, backup verify, restore
//	fault.go      opentcb fault add, list, clear
//	journal.go    opentcb journal, journal wait, journal har
//	token.go      opentcb token cloudbase, env-credential
//	agent.go      opentcb agent
//	runner.go     opentcb runner
//	relay.go      opentcb relay
//	whitelist.go  opentcb whitelist suggest, try, history, restore; opentcb explain
//
// A platform's commands, over the interfaces:
//
//	provider.go             the way to the interfaces
//	profile.go              opentcb profile init, list, check, and the chosen profile
//	getcodesecret.go        opentcb getcodesecret
//	usecloudaccesstoken.go  opentcb usecloudaccesstoken get, set, edit
//	createfunction.go       opentcb createfunction
//	listfunctions.go        opentcb listfunctions
//	updatefunctioncode.go   opentcb uploadfunction
//	downloadfunction.go     opentcb downloadfunction
//	invokecloudfunction.go  opentcb invokecloudfunction
//	uploadfuncconfig.go     opentcb uploadfuncconfig
//	getfuncconfig.go        opentcb getfuncconfig
//	conformance.go          opentcb conformance
//	fleet.go                opentcb fleet plan, apply, drift, backup: many Mini Programs at once
package main
