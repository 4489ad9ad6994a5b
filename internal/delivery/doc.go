// Package delivery pushes events and tickets to the event addresses of platforms.
// What is pushed, when, and what becomes of it are the rules' (package cloud): here
// is one worker that takes what is due, sends it, and says how that ended.
//
//	delivery.go  Worker: takes what is due, as much as there is room for
//	send.go      one push over HTTP, within its bounds
//	injected.go  in test mode: faults of pushes, and the journal
package delivery
