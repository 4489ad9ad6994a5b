// Command opentcb is the server of the cloud-development interfaces, the
// operator's commands for one, and a platform's commands for any. "opentcb
// help" is its manual. A command that calls an interface stands in the file of
// the interface's name.
//
//	main.go      the table of commands, and what becomes of their errors
//	command.go   groups of commands, help, numbers of arguments
//	examples.go  the examples in help
//	flags.go     flags from variables, and the flag that was perhaps meant
//	status.go    exit statuses
//	tls.go       certificates that the system does not know
//	print.go     results for a person, or as JSON
//	progress.go  how far a long command has come, on a terminal
//	version.go   opentcb version
//
// The server:
//
//	serve.go  opentcb serve
//	dev.go    opentcb dev: the quick start
//	devrunner.go  the functions that dev runs
//	intercept.go  opentcb intercept env
//	log.go    the log of what runs for long, which its reader cannot end
//	demo.go   the demo world, its credentials, and demo.tmpl: lines to paste
//
// The operator's commands, over the admin interface:
//
//	remote.go     the way to a running server
//	world.go      opentcb world
//	serverstatus.go         opentcb status
//	apply.go      opentcb apply
//	complete.go    the values that a shell completes
//	resource.go   what the commands of resources have in common: tables, removal
//	platform.go   opentcb platform list, show, add, set, disable, enable, remove
//	quota.go      quotas and addresses of a platform, as flags
//	miniprogram.go  opentcb miniprogram, likewise
//	environment.go    opentcb environment, likewise
//	consentcode.go    codes by which merchants consent
//	authorization.go  opentcb authorization list, show, add, remove
//	function.go       opentcb function list, show, remove
//	ticket.go     opentcb ticket
//	push.go       opentcb push
//	authorize.go  opentcb authorize, revoke
//	deploy.go     opentcb deploy
//	audit.go      opentcb audit
//	snapshot.go   opentcb reset, snapshot save, restore, list, remove
//	clock.go      opentcb clock show, freeze, advance, real
//	loglevel.go   opentcb log-level
//	admintoken.go  opentcb admin-token create, list, revoke, rotate
//	code.go       opentcb gc, scrub: stored code
//	backup.go     opentcb backup, backup verify
//	restore.go    opentcb restore
//	fault.go      opentcb fault add, list, clear
//	journal.go    opentcb journal, journal wait, journal har
//	token.go      opentcb token cloudbase, env-credential
//	agent.go      opentcb agent
//	runner.go     opentcb runner
//	explain.go    opentcb explain
//	relay.go      opentcb relay
//	whitelist.go  opentcb whitelist suggest, try, history, restore
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
//	conformance.go          opentcb conformance
//	fleet.go                opentcb fleet: many Mini Programs at once
//	fleetapply.go           opentcb fleet plan, apply, drift
//	fleetbackup.go          opentcb fleet backup
//	fleetreport.go          what became of a fleet
//	pace.go                 an HTTP client that keeps to a rate
package main
