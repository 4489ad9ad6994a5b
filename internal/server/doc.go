// Package server is the wire: HTTP in front of package cloud's rules.
//
//	server.go     Server: which path leads where
//	call.go       the order of checks, once, for every interface
//	decode.go     a body into a request of package tcb
//	answer.go     the envelope of an answer, and request ids
//	metrics.go    what is counted
//	download.go   the links that downloadfunction gives
//	cloudcall.go  calls with a cloudbase_access_token: judged, then forwarded
//	decide.go     the same judgement, for proxies that forward by themselves
//	*.go          one file an interface, named as on the wire
//
// An interface's file holds its data (kinds of token, permission sets, codes)
// and a handler of a few lines; nothing behind it touches *http.Request.
package server
