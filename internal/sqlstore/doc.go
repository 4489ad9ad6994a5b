// Package sqlstore is cloud.Store on an SQL database: SQLite or Postgres. It knows
// no rule: a method is a statement or two, and their atomicity.
//
//	sqlstore.go   Store: opening, migrating, closing
//	sqlite.go     what is SQLite's own: the address, its settings, its errors
//	postgres*.go  what is Postgres's own: the address, its transactions, its faults
//	writer.go     the writer; concurrent changes share a synced commit
//	tx.go         what changes do within a transaction
//	statements.go statements, within a transaction and outside
//	*.go          named after a noun of package cloud: its rows
//
// The SQL text keeps to what PostgreSQL and its relatives accept as well.
package sqlstore
