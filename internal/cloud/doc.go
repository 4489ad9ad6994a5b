// Package cloud is every rule of the system: who may do what, what is
// recorded, and what is answered. It knows no HTTP and no SQL.
//
// What all rules share:
//
//	service.go        Service: the rules over a Store, a blob.Store, a key ring and a clock; randomness
//	store.go          Store: the verbs that the rules need, by noun; its errors
//	caller.go         Caller: who asks and when; every rule takes it as an argument
//	error.go          Error and its kinds, each with its code on the wire
//	audit.go          the record of every decision
//	recorder.go       records gathered in memory and written in batches; what repeats, once a minute
//	health.go         whether the server can work right now, and what is in memory
//	cache.go          rows in memory, in agreement with every change
//	resource.go       what resources of the operator's have in common: pages, members, counts, ETags
//
// Credentials:
//
//	token.go          access tokens: what is in them and how it is written, and the check of a call's
//	issues.go         when tokens were issued, and so superseded
//	admintoken.go     tokens of the admin interface, and their roles
//	platform.go       a platform's ticket and component_access_token
//	authorization.go  consent, query-auth, cancellation
//	consent.go        the consent page's rules: what is asked for, and who may consent
//	authorizer.go     what a platform may ask about its authorizations
//	refreshtoken.go   refresh tokens: one a consent, and the next access token
//
// Events:
//
//	event.go          event addresses of a platform, and which consent is an event
//	push.go           pushes as they are kept, and as the operator sees them
//	outbox.go         which pushes are due, what they say, and when they are tried again
//
// Interfaces and their rows:
//
//	account.go        how the operator changes a platform or Mini Program
//	removal.go        how a platform or Mini Program is removed, step by step
//	removalbelow.go   how an environment or a function is
//	quota.go          what bounds a platform: how often it may call, and from where
//	meter.go          counting its calls, in memory
//	meters.go         and among servers
//	platformview.go   platforms as the operator sees and changes them
//	miniprogram.go    Mini Programs, likewise
//	environmentview.go    environments, likewise
//	authorizationview.go  authorizations as the operator sees them
//	functionview.go       functions, likewise, and their code for the operator
//	environment.go    accounts and their environments
//	codesecret.go     getcodesecret: the code protection key
//	permission.go     usecloudaccesstoken: switch and whitelist
//	history.go        how a permission changed, and earlier whitelists brought back
//	function.go       createfunction, listfunctions, UpdateFunctionCode, deploy
//	funcconfig.go     uploadfuncconfig, getfuncconfig: how a function is configured
//	funcsettings.go   what a configuration may say
//	upload.go         getuploadsignature: leave to upload one exact body, and how long that may wait
//	invoke.go         invokecloudfunction: who may have what run
//	link.go           downloadfunction: links to a function's code
//	code.go           stored code: checked, held, made durable
//	collect.go        removing code that no function uses, and finding what is damaged or lost
//
// Cloud calls:
//
//	cloudcall.go      cloudbase_access_token, how many there may be, and the judgement of each call
//	envcredential.go  what an environment's runtime proves itself with
//	runtime.go        what an environment's runtime runs, and who waits for a change of that
//	observe.go        cloud calls counted, in memory by environment and in the store
//	refusal.go        the records of refused calls, a caller's own, and why a call was refused
//	advice.go         whitelists suggested and tried from the counts
//
// Worlds:
//
//	world.go          what a world file asks for, and everything as a world
//	apply.go          bringing the server to it
//	applyaccount.go   what a world file says of a platform or Mini Program
//	applygrant.go     what a world file says of an authorization
//	applyfunction.go  what it says of a function
package cloud
