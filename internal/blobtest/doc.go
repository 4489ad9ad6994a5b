// Package blobtest is the exam of blob.Store and blob.Collector: what every
// implementation has to pass, whatever it keeps its blobs in. It is used from
// tests only.
//
//	blobtest.go   Run, its Hooks, and the list of the exam's parts
//	draft.go      drafts and blobs: written, read, discarded
//	corrupt.go    bytes that are altered behind the store's back
//	collect.go    listing, removing and checking
//	load.go       many callers at once, memory, open files
package blobtest
