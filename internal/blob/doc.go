// Package blob is what storage of function code promises, and an
// implementation of it on a folder.
//
// A blob is named by the SHA-256 of its bytes ([Sum]). So the name is the
// wire's checksum (DF-2), storing the same bytes twice stores them once, and
// every reader can check that the bytes are still the right ones (DF-11).
//
// [Store], [Draft], [Blob] and [Collector] are the promise. Package blobtest is
// its exam, which every implementation passes. [Dir] is the implementation on a
// folder.
//
//	blob.go             the promise: interfaces, names and errors
//	dir.go              Dir: opening, cleaning, making what is renamed durable
//	draft.go            a draft on its way to being a blob
//	open.go             a blob on its way out: verified, and verified again when it looks otherwise
//	collect.go          what collection of unreferenced code needs
//	identity_linux.go   what Linux knows about a file
//	identity_other.go   what other systems do without
//	lock_unix.go        locks of drafts
//	lock_other.go       where there are none
package blob
