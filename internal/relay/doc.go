// Package relay is an event address between a platform and those who receive for it:
// it takes what is pushed once it is stored, passes it on to any number of addresses,
// each with a token and a key of its own, and hands out the latest ticket.
//
//	relay.go   Relay: receives, and what its bearer may ask
//	config.go  ReadConfig: the file that says from whom and to whom
//	store.go   events and what became of them, each in a file
//	pass.go    passes events on, and tries again
package relay
