// Package fleet brings many Mini Programs to what a file wants: the switch, the
// whitelist and the code of their environments. It compares before it changes,
// does each Mini Program on one worker, retries what may succeed later, and keeps
// a journal, so that an interrupted run can be resumed.
//
//	fleet.go     Fleet: who is in it, and what the rules want of whom
//	file.go      reads the file that says so, and lists beside it
//	code.go      a function's code on this machine
//	run.go       Run: workers, results, the report, and when a call is repeated
//	compare.go   how an environment differs from what is wanted, and making it so
//	backup.go    Backup: a folder with the code of many functions
//	journal.go   Journal: the environments that are done
package fleet
