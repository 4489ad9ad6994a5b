// Package testserver runs real servers for tests: PostgreSQL and PgBouncer,
// from the distribution's packages, and an S3 server, versitygw, which it
// builds once per machine. Both run in temporary folders and end with the test.
// The package is used from tests only. A test whose server is not to be had is
// skipped, or fails if OPENTCB_TEST_ALL is set; with -short every such test is
// skipped.
//
//	shared.go      Main and PostgresURL: one PostgreSQL server shared by a test binary
//	postgres.go    Postgres: a server of a test's own, to be stopped, killed and frozen
//	database.go    databases of a server, and statements of its administrator
//	process.go     a PostgreSQL server's processes
//	standby.go     synchronous replication, and promotion
//	pgbouncer.go   PgBouncer, a pooler of connections, in front of a server
//	patroni_linux.go     Patroni: a cluster of PostgreSQL servers, etcd and HAProxy
//	programs.go    PostgreSQL's programs: where they are, and as whom they run
//	s3.go          S3: an S3 server of a test's own, to be killed and restarted
//	authority.go   certificates of an authority that only the test knows
//	versitygw.go   the S3 server's program, built once per machine
//	output.go      Output: what a process writes, read while it runs
//	system_unix.go     processes: as whom they run, signals, and a lock among them
//	system_windows.go  none of that, so that what uses this package builds
//	machine.go     programs, what the machine lacks, and free ports
package testserver
