// Package runner runs functions in node processes on this machine (RN-1 to RN-8): a
// runtime for those who have no function service. It is a process of its own, never a
// part of the server.
//
//	runner.go         Runner: the events that come, and how their functions ended
//	environment.go    what is run in one environment, kept up to date
//	function.go       one function: its instances, and who waits for one
//	instance.go       one node process
//	processes.go      how many processes there may be
//	metrics.go        what is counted of it all
//	frame.go          what is said to it, and what it answers
//	output.go         what it prints goes to the log
//	node.go           the node that is there, and what it can do
//	folder.go         the runner's folder of its own
//	user.go           whom functions run as
//	process_unix.go   how a process is started, bounded and ended
//	process_linux.go  that it ends with the runner, and its memory is bounded
//	process_bsd.go    the same where less can be bounded
//	channel_unix.go   the way to a process, and the lock of the folder
//	process_other.go  systems without all of these
//	loader.js         what runs in the node process: it loads and calls the function
package runner
