// Package secretfile reads and writes files that hold a secret: keys, tokens,
// credentials and profiles; and locks the folders that keep such.
//
//	secretfile.go    reading, writing, and what a file must be
//	access_unix.go   who else can read a file, by its mode, group and owner
//	access_other.go  the same where modes say nothing
//	lock_unix.go     a file that one process at a time can open
//	lock_windows.go  the same on Windows
package secretfile
