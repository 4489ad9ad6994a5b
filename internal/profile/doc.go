// Package profile is how a third-party platform calls the interfaces from its
// own machine: where they are, its secrets or where they are kept, and the
// Mini Programs that authorize it.
//
//	profile.go  Profile: what a file of profiles says, and Read
//	secret.go   Secret: in the file, a variable, another file, or a command
//	tls.go      TLS: certificates that the system does not know
//	session.go  Session: a profile in use, with clients whose tokens are kept, here or by production
package profile
