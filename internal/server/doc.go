// Package server is the wire: HTTP in front of package cloud's rules.
//
// Every request chooses an entrance and goes through the one door:
//
//	server.go      Server: which path leads to which entrance
//	door.go        the door: request id, refusals, panics, metrics, log
//	call.go        the entrance of interfaces: the order of checks, once for all
//	cloudcall.go   the entrance of calls with a cloudbase_access_token: judged, then forwarded
//	decide.go      the same judgement, for proxies that forward by themselves
//	consent.go     the entrance of the consent page, which is package consent's
//	download.go    the entrance of the links that downloadfunction gives, and their ranges
//
// An interface is a file with its name on the wire. It holds data (kinds of
// token, permission sets, codes) and a handler of a few lines:
//
//	api_component_token.go     a platform's token
//	api_create_preauthcode.go  a code to ask for consent with
//	api_query_auth.go          a consent becomes an authorization
//	api_authorizer_token.go    an authorization's next token
//	rid_get.go      why a call of the caller's own was refused
//	rid_get.go                 what is kept of a failed call of the caller's own
//	quota_get.go               how much of its quotas a platform has used
//	clear_quota.go             counting begins anew
//	api_get_authorizer_info.go  what a Mini Program is, and its refresh token
//	api_get_authorizer_list.go  which Mini Programs authorize a platform
//	api_start_push_ticket.go   a verify ticket is pushed now
//	usecloudaccesstoken.go     switch and whitelist
//	getcodesecret.go           the code protection key
//	createfunction.go          a function, without code
//	uploadfuncconfig.go        how a function is configured
//	getfuncconfig.go           the same, read
//	listfunctions.go           what functions there are
//	downloadfunction.go        a link to a function's code
//	getuploadsignature.go      leave to upload one exact body
//	updatefunctioncode.go      the upload, an entrance of its own
//	invokecloudfunction.go     a function is run
//
// What they are made of:
//
//	body.go        a body comes into memory, within a budget
//	decode.go      a body becomes a request of package tcb
//	uploadbody.go  the body of an upload, read as it streams in
//	uploadslots.go  places for uploads, and how slow one may be
//	uploadzip.go   the zip in it: base64 in a JSON string
//	answer.go      the envelope of an answer
//	rid.go         request ids
//	guess.go       secrets that were false: slowed, counted and recorded
//	streams.go     how many requests of HTTP/2 are under way
//	readyz.go      the entrance of proxies that ask whether the server can answer
//	metrics.go     what is counted, and how many lines of the log callers can bring about
//	bench.go       in test mode: faults are carried out
//	benchcall.go   which calls they are for, and what the journal has of each
//	benchtap.go    bodies and answers on their way past it
package server
