// Package secretfile reads and writes files that hold a secret: keys, tokens,
// credentials and profiles.
//
//	secretfile.go    reading, writing, and what a file must be
//	access_unix.go   who else can read a file, by its mode, group and owner
//	access_other.go  the same where modes say nothing
package secretfile
