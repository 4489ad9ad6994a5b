// Package push is the envelope in which WeChat pushes an event to a third-party
// platform: how it is encrypted, signed and written. It knows neither what events
// say nor how they are sent.
//
//	key.go       Key: what an address's token and EncodingAESKey seal and open
//	envelope.go  the query and the body around it
package push
