// Command bench compares the real server with the bare cost of what it does:
// reads with a net/http server that only takes the token from the query and
// writes a fixed answer, a download with http.ServeFile, changes with the same
// rows written straight to SQLite, a single change with one append and sync.
//
// Every figure is a median over interleaved pairs (real, bare, real, bare, …)
// of one run. Server and load are pinned to a core each. A goal that was
// missed is reported and is no failure: the exit status is 1 only if something
// broke.
//
//	go -C bench run .                         10,000 Mini Programs, about six minutes
//	go -C bench run . -only getcodesecret     one measurement
//	go -C bench run . -miniprograms 1000000   the large run
//	go -C bench run . -only scale             a million Mini Programs against a thousand
//	go -C bench run . -control                bare against bare: the noise of the machine
//
// It is a module of its own, so that what only it needs is no requirement of
// the server's.
//
// The program starts itself for the parts that run pinned: the bare server,
// the load, and the two raw figures. It needs Linux and two cores.
//
// The run:
//
//	main.go              flags, and the roles of the processes
//	bench.go             what is measured, in which order
//	servers.go           starts the pair of servers
//	process.go           starts a process and waits until it is ready
//	process_linux.go     pins it to a core
//	process_other.go     where that is not possible
//	proc.go              CPU time and memory, from /proc
//	caution.go           notes what spoils a figure
//	row.go               a row of the table, from its pairs
//	table.go             prints the table
//
// The load:
//
//	load.go              drives a server from many connections
//	client.go            one connection
//	pace.go              an open loop: a constant rate; stalls
//	request.go           requests, and the heads of answers
//	targets.go           the Mini Programs that requests name
//	histogram.go         latencies
//
// What is measured, and against what:
//
//	reads.go             the three reads
//	sets.go              sets of many clients, and of one
//	gateway.go           cloud calls and /decide
//	nginx.go             nginx beside them
//	functions.go         functions at the runner, against node behind net/http
//	hostile.go           what a function feels of others that do harm
//	neighbours.go        what a good platform feels of others
//	strangers.go         2,000 callers without a token
//	siege.go             a platform at its limits
//	link.go              a download of 50 MiB
//	startup.go           start-up and memory
//	scale.go             a large world against a small one
//	lists.go             pages of the operator's lists in a large world
//	bare.go              the bare server
//	control.go           a second bare server in place of the real one
//	raw.go               synced writes without a server
//	rawsets.go           the rows of sets, without a server
//
// The data:
//
//	fill.go              a data folder and its tokens
//	world.go             a world of millions of rows, in SQL
package main
