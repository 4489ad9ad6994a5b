// Package cloud is every rule of the system: who may do what, what is
// recorded, and what is answered. It knows no HTTP and no SQL.
//
//	service.go        Service: the rules over a Store, a blob.Store, a key ring and a clock
//	store.go          Store: the verbs the rules need, each one atomic step
//	caller.go         Caller: who asks; every rule takes it as an argument
//	error.go          Error and its kinds, each with its code on the wire
//	token.go          call credentials: claims, the overlap, authentication
//	platform.go       a platform's ticket and component_access_token
//	authorization.go  consent, query-auth, refresh, cancellation
//	codesecret.go     getcodesecret: the code protection key
//	permission.go     usecloudaccesstoken: switch and whitelist
//	function.go       functions and their code: create, list, upload, deploy
//	link.go           downloadfunction: links to a function's code
//	upload.go         getuploadsignature: leave to upload one exact body
//	apply.go          bringing the server to what a world file says
//	audit.go          the record of every decision
//	cache.go          rows in memory, coherent with every change
package cloud
