// Package soaktest holds the tests of behaviour under hardship: the real
// binary, as a child process, is killed, starved of disk, flooded by bad
// clients and told to stop, and what clients were told is compared with what
// is there. All of it is in the tests; nothing imports the package.
//
//	main_test.go        builds the binary once
//	server_test.go      starts, stops and kills it
//	client_test.go      a client of the wire: what was answered, what was not
//	code_test.go        zips, uploads and downloads
//	world_test.go       the world that the tests play in, and logging in to it
//	data_test.go        what lies in the data folder, and is the database sound
//	audit_test.go       the audit record, read by the command
//	mounts_test.go      running a test among mounts of its own
//	proc_test.go        what /proc tells about the server
//	witness*_test.go    clients that remember what they were told
//	removal_test.go     a removal that is killed, and goes on
//	quota_test.go       counted calls, and a kill
//	kill_test.go        kill -9 at any moment
//	disk_test.go        the disk is full
//	badclients_test.go  bad clients and good ones; the kinds of bad ones in
//	                    door, slow, endless, malformed, and listeners: TLS and HTTP/2
//	halfclosed_test.go  whole calls in half-closed connections
//	stop_test.go        SIGTERM under load; the slow clients in stopslow
//	agent_test.go       the agent behind a proxy, and what it cannot write
//	agentcode_test.go   the code that the agent keeps
//	runner_test.go      functions, their runner and their server, killed
//	log_test.go         what is in the log, and its level
//	signals_test.go     SIGHUP, and a log whose reader is gone
//	memory_test.go      the memory of uploads
//	startup_test.go     starting where that cannot be
//	database_test.go    starting on a disk or database that is bad, and what the
//	                    operator is told of one under a running server
//	altered_test.go     code altered on disk
//	dev_test.go         the lines that dev prints
//	collection_test.go  collection of code beside uploads
//	nodes_test.go       servers that share a database and code storage
//	coherence_test.go   what one of them knows of another's changes
//	elsewhere_test.go   what is disabled or removed on another
//	faults_test.go      the way to database and bucket disturbed
//	line_test.go        a way that can be disturbed
//	cluster_test.go     clients that roam over such servers; what these do in
//	                    clusterwork and clusterset
//	clusterkills_test.go    one of three killed every few seconds
//	clusterprimary_test.go  the primary lost, its standby promoted
//	clusterstandby_test.go  its standby halted: what waits for it is not seen
//	patroni_test.go         mishaps of a Patroni cluster
//	clustercut_test.go      one cut off while another changes things
//	clusterclock(s)_test.go servers whose clocks are apart, and set by the test
//
// The tests need Linux: its signals, mounts and /proc. `go test` runs a short
// form; with OPENTCB_SOAK=1 in the environment it runs a long one, mostly with
// the race detector in the binary (give it -timeout=2h). OPENTCB_SOAK_BINARY
// names a binary to test in place of one built from this source.
package soaktest
