// Package seal keeps secrets at rest and makes tokens that cannot be forged.
//
// Everything derives from one master key of 32 bytes, by HKDF-SHA256, a
// subkey per use:
//
//	Seal, Open      AES-256-GCM        what must be read again: code protection keys
//	MAC, CheckMAC   HMAC-SHA256        what must only be recognized: secrets, refresh tokens
//	Sign, Verify    HMAC-SHA256        tokens and links, which carry their own claim
//
// What is stored names the key that made it, and is bound to the row that it
// belongs to: moved to another row it does not open. The package knows
// nothing of platforms or Mini Programs, keeps no state and does no I/O.
package seal
