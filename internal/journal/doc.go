// Package journal remembers the latest calls of a server in test mode, with their
// answers, so that a test can look at what was sent. It knows neither HTTP's
// connections nor the rules: the door of package server gives it what it saw.
//
//	journal.go  Journal: a bounded ring, looked through and waited for
//	entry.go    Entry: one call, or one push
//	filter.go   Match and Filter: which calls are meant; rules of faults use Match too
//	missed.go   what came in place of what was waited for, nearest first
//	mask.go     secrets become their kind and the beginning of a checksum
//	names.go    what secrets are called
//	har.go      the same as an HTTP archive, for browsers' tools
package journal
