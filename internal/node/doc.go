// Package node puts a server together: data folder, keys, storage, rules, the
// two listeners. The command runs one; tests run as many as they like.
//
//	config.go      what the operator can set, and what is invalid
//	limits.go      the limits among it, which make their own flags
//	node.go        Start, Shutdown: open, listen, drain, in this order
//	reset.go       what is stored put back, of a server in test mode, while calls are kept out
//	images.go      the states that can be
//	seed.go        randomness that follows from a seed
//	stack.go       the rules and both interfaces, on the storage
//	testmode.go    what only a server in test mode has
//	data.go        the data folder and its lock, and one that goes with the process
//	admintoken.go  the admin token in it
//	masterkey.go   where the master key comes from
//	storage.go     the database and code storage that the settings name
//	backup.go      an archive of everything, and its restoring
//	pushes.go      which certificates event addresses may have
//	metrics.go     what is measured of a server, beside its calls
//	usage.go       how the server is, how large what is stored is, and when it was backed up
//	disk_unix.go     the room on the disk
//	disk_other.go    the same where it is not known
//	listener.go    taking and refusing connections, and the limits of their server
//	intercept.go    a proxy for clients whose host is fixed in their code
//	tls.go          a listener that speaks TLS, whose certificate is read again as its files change
//	head.go        the header of a request as it arrives: at most so many lines
//	world.go       a world file, from the disk to the rules
package node
