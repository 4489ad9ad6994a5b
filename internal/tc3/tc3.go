// Package tc3 signs requests and checks signatures by TC3-HMAC-SHA256,
// Tencent Cloud's signature method (version 3), which uploads of code carry
// (UP-3, UP-4). It does no I/O and keeps no state.
//
//	tc3.go             what is signed: Sign, Verify
//	authorization.go   the Authorization header
package tc3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Algorithm is the method's name, the first word of an Authorization header.
const Algorithm = "TC3-HMAC-SHA256"

// terminator ends a credential's scope.
const terminator = "tc3_request"

// Request is what a signature covers.
type Request struct {
	Method        string            // upper case: POST
	Path          string            // as sent: "/" for every Tencent Cloud interface
	Query         string            // as sent, without "?"; "" for a POST
	Headers       map[string]string // by lower-case name; those of SignedHeaders count, others do not
	SignedHeaders []string          // lower-case names, in the order of the Authorization header
	HashedPayload string            // SHA-256 of the body's bytes: 64 lower-case hex characters
	Timestamp     int64             // X-TC-Timestamp: Unix seconds
	Service       string            // the credential's service: scf for uploads
}

// Date returns the day of a credential's scope: the UTC date, YYYY-MM-DD, of
// a time in Unix seconds.
func Date(timestamp int64) string {
	return time.Unix(timestamp, 0).UTC().Format(time.DateOnly)
}

// Sign returns the signature of a request under a secret key: 64 lower-case
// hex characters. A signed header that the request does not have counts as
// empty.
func Sign(secretKey string, r Request) string {
	date := Date(r.Timestamp)
	key := mac([]byte("TC3"+secretKey), date)
	key = mac(key, r.Service)
	key = mac(key, terminator)
	return hex.EncodeToString(mac(key, stringToSign(r, date)))
}

// Verify reports whether the signature is that of the request under the secret
// key, in time that does not depend on the signature (CR-11). It returns false if
// the request lacks one of its signed headers. The caller decides which headers
// must be signed and how old a request may be.
func Verify(secretKey string, r Request, signature string) bool {
	for _, name := range r.SignedHeaders {
		if _, ok := r.Headers[name]; !ok {
			return false
		}
	}
	return hmac.Equal([]byte(Sign(secretKey, r)), []byte(signature))
}

func stringToSign(r Request, date string) string {
	hashed := sha256.Sum256([]byte(canonicalRequest(r)))
	return strings.Join([]string{
		Algorithm,
		strconv.FormatInt(r.Timestamp, 10),
		date + "/" + r.Service + "/" + terminator,
		hex.EncodeToString(hashed[:]),
	}, "\n")
}

// canonicalRequest returns the form that is hashed. By the method's documentation
// header values are in lower case and without white space around them.
func canonicalRequest(r Request) string {
	var headers strings.Builder
	for _, name := range r.SignedHeaders {
		headers.WriteString(name + ":" + strings.ToLower(strings.TrimSpace(r.Headers[name])) + "\n")
	}
	return strings.Join([]string{
		r.Method,
		r.Path,
		r.Query,
		headers.String(),
		strings.Join(r.SignedHeaders, ";"),
		r.HashedPayload,
	}, "\n")
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
