// Package node puts a server together: data folder, keys, storage, rules, the
// two listeners. The command runs one; tests run as many as they like.
//
//	config.go    what the operator can set
//	node.go      Start, Shutdown: open, listen, drain, in this order
//	data.go      the data folder: its lock, master key and admin token
//	listener.go  taking and refusing connections
//	deadline.go  deadlines of connections, to the second
//	world.go     a world file, from the disk to the rules
package node
