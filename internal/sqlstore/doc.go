// Package sqlstore is cloud.Store on an SQL database: SQLite or PostgreSQL. It
// has no rules: a verb is a statement or two, and their atomicity.
//
// What stores have in common:
//
//	sqlstore.go         Store: migrating, the master key, closing; what differs between databases
//	statements.go       how a statement is run, in a transaction or outside, and pages of lists
//	writer.go           group commit: changes that come at the same time share a transaction
//	schema.go           the tables, read from the migrations
//	worldpages.go       everything that a world file says, in pages
//	dump.go             every row of a database, for a backup, in one long transaction
//	load.go             the rows of a backup into an empty database
//	grant.go            MACs of rows that grant something
//	usage.go            how large the database is, its faults, and when it was backed up
//	vouch.go            giving all rows their MACs, once, and checking all
//
// What differs:
//
//	sqlite.go           SQLite: opening, settings, transactions, what is damaged
//	image.go           images of it, which a server in test mode puts back
//	sqlitelog.go        SQLite: the log that a database needs
//	sqliteerror.go      SQLite: what its errors mean
//	postgres.go         Postgres: opening, settings, connections, TLS
//	postgrestx.go       Postgres: reads and transactions within their time limits
//	postgrespool.go     Postgres: connections, through a pooler such as PgBouncer too
//	postgrescommit.go   Postgres: COMMIT, which is never cancelled, nor without a standby
//	postgreslineage.go  Postgres: no use of an old primary
//	postgreserror.go    Postgres: what its errors mean, what is retried, what the operator can do
//
// The nouns of package cloud, each with its rows:
//
//	platform.go         platforms
//	account.go          how accounts are changed, and whether they are in use
//	quota.go            what bounds platforms, and what servers have counted
//	removal.go          what is removed for good, and what keeps it from being removed
//	view.go             platforms and Mini Programs, and what there is below them
//	environment.go      accounts and environments
//	event.go            event addresses, and the events that changes are
//	push.go             what is pushed to them
//	authorization.go    authorizations and authorization codes
//	consent.go          what merchants consent with, and where the page may lead
//	authorizer.go       the authorizations of a platform, for itself
//	refreshtoken.go     the refresh tokens of consents
//	codesecret.go       code protection keys
//	permission.go       sets: the switch, the whitelist, the version
//	history.go          the changes of an environment's permission
//	admintoken.go       tokens of the admin interface
//	envcredential.go    how often an environment's credentials were revoked
//	runtime.go          when what runtimes see has changed
//	function.go         functions
//	funcconfig.go       how functions are configured
//	code.go             code that is held, in use or doomed
//	apply.go            the changes of a world file
//	audit.go            the audit record
//	batch.go            audit records, packed
//	observe.go          counts of cloud calls
//	refusal.go          records of refused cloud calls
//	prune.go            the deletion of old history, counts and refusals
//
// Beyond cloud.Store, a *Store has what only the opening of a server and
// backups need: KeyID and BindKey (the master key of the database), Dump, Load
// and CheckEmpty (all its rows); and Tables, KindsOf and SchemaVersion say what
// a dump has. A new table needs a migration and nothing else to be in it.
//
// There is one SQL text for all databases, in what SQLite, PostgreSQL and those
// that speak its protocol have in common.
package sqlstore
