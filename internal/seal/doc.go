// Package seal keeps secrets at rest and makes tokens that cannot be forged.
//
// Everything derives from one master key of 32 bytes, by HKDF-SHA256, with a
// subkey for each use:
//
//	Seal, Open      AES-256-GCM        what must be read again: code protection keys
//	MAC, CheckMAC   HMAC-SHA256        what must only be recognized: secrets, refresh tokens
//	Sign, Verify    HMAC-SHA256        tokens and links, which carry their own claim
//	Vouch           HMAC-SHA256        what nobody else may have written: archives, rows that grant
//
// A stored value names the key that made it, and is bound to its row: moved to
// another row it does not open. The package knows nothing of platforms or Mini
// Programs, keeps no state and does no I/O.
//
//	ring.go    Ring, its master key, and what is stored
//	token.go   tokens: Sign, Verify, and secrets derived from them
//	lines.go   lines of tokens, where states are put back
//	vouch.go   Vouch and CheckVouch, with a key for each use
package seal
