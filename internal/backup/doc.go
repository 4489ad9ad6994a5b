// Package backup writes everything that a server keeps into one file, and
// brings it back: rows and code, as of one moment.
//
// The file is a tar, which any tar lists and unpacks:
//
//	manifest.json                       what it is, and of which schema
//	rows/00000001.accounts.jsonl.gz     rows: a JSON array each, a line each
//	code/<64 hex>                       each piece of code that a function names, in the order of names
//	end.json                            counts, the SHA-256 of every byte before it, and a MAC of all this
//
// Other tars of the same content are refused: each header and its padding must
// be as the writer writes them, and so must every byte from the last header on.
// What comes before is covered by the SHA-256. So no byte can be changed, left
// out or added unnoticed. The MAC is made under a key derived from the master
// key for archives alone: who has not that key can alter no archive and make
// none that is restored.
//
//	manifest.go   what the first and the last entry say
//	entry.go      entries of a tar, one after the other
//	rows.go       rows as lines, and the set of code that the functions name
//	write.go      Write
//	verify.go     Verify and ReadManifest
//	restore.go    Open and Restore
package backup
