// Package tcb calls the cloud-development interfaces that WeChat offers to
// third-party platforms, and defines what they are on the wire: the error
// codes, and one pair of request and answer types per interface.
//
// A [Client] has a method for each interface. Its access token comes from a
// [TokenSource]: [Tokens] renews itself, for a platform ([ComponentTokens]) or
// for a Mini Program that authorizes it ([AuthorizerTokens]). UploadFunction
// and DownloadFunction carry a function's code all the way. A refusal is an
// [Error], that of an upload a [CodeError]; an answer that is not the
// platform's is an [AnswerError].
//
// An [EventHandler] is the other end: it receives what the platform pushes, its
// verify tickets among that, which a [TicketStore] keeps.
//
// A type of the wire is named after the last segment of the interface's path:
// POST /tcb/usecloudaccesstoken is UseCloudAccessTokenRequest and
// UseCloudAccessTokenResponse. A member that must be told apart from its zero
// value is a pointer.
//
// The package imports only the standard library, and of this module codezip,
// words and push.
// An interface is in the file of its wire name:
//
//	getcodesecret.go           the code protection key
//	usecloudaccesstoken.go     the switch and the whitelist: get and set
//	downloadfunction.go        a link to a function's code, and its download
//	createfunction.go          a function without code
//	invokecloudfunction.go     a function is run
//	uploadfuncconfig.go        how a function is configured
//	getfuncconfig.go           the same, read
//	listfunctions.go           the functions of an environment
//	getuploadsignature.go      the headers of an upload
//	updatefunctioncode.go      the upload itself, and where it is sent
//	api_component_token.go     the platform's token
//	api_create_preauthcode.go  the code for the page of consent
//	api_query_auth.go          what a consent gives
//	api_get_authorizer_info.go  what a Mini Program is, and its refresh token
//	api_get_authorizer_list.go  which Mini Programs authorize the platform
//	api_start_push_ticket.go   a verify ticket is pushed now
//	api_authorizer_token.go    a Mini Program's token
//
// what the platform pushes:
//
//	rid_get.go                 what is kept of a failed call
//	quota_get.go               how often a platform may call, and has
//	clear_quota.go             counting begins anew
//	eventhandler.go            Event; EventHandler: verifies, decrypts, calls back, and not twice
//
// and what they share:
//
//	client.go                  Client: a call, its token, its one retry, no redirects
//	answer.go                  reads an answer: errcode and errmsg, integers however they are written
//	error.go                   Error, AnswerError, CodeError
//	code.go                    the error codes and their texts
//	tokens.go                  Tokens, which renew themselves; MemoryStore
//	zip.go                     zips from folders, and back
//	filestore.go               FileStore, a token that processes share; TicketStore, the latest ticket
//	filelock_unix.go           its lock
//	filelock_windows.go        the same on Windows
//	filelock_other.go          where there is none
//	transfer.go                a download that continues after a break
package tcb
