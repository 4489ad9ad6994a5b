package tc3

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Bounds of an Authorization header. The platform publishes none; its clients
// send far less.
const (
	maxAuthorizationBytes = 4 << 10
	maxSecretIDBytes      = 256
	maxServiceBytes       = 64
	maxSignedHeaders      = 32
	maxHeaderNameBytes    = 64
	signatureBytes        = 64
)

// Authorization is the value of an Authorization header (UP-3).
type Authorization struct {
	SecretID      string   // names the secret key
	Date          string   // YYYY-MM-DD, UTC
	Service       string   // scf for uploads
	SignedHeaders []string // lower-case names, in the order in which they are signed
	Signature     string   // 64 lower-case hex characters
}

// String returns the header's value.
func (a Authorization) String() string {
	return Algorithm +
		" Credential=" + a.SecretID + "/" + a.Date + "/" + a.Service + "/" + terminator +
		", SignedHeaders=" + strings.Join(a.SignedHeaders, ";") +
		", Signature=" + a.Signature
}

// ParseAuthorization parses a header's value: the method's name and the three
// fields, each once, in any order, with optional white space after a comma. It is
// the inverse of String. The error shows nothing of the value.
func ParseAuthorization(s string) (Authorization, error) {
	if len(s) > maxAuthorizationBytes {
		return Authorization{}, errors.New("the Authorization header is over 4096 bytes")
	}
	list, ok := strings.CutPrefix(s, Algorithm+" ")
	if !ok {
		return Authorization{}, errors.New("the Authorization header does not begin with " + Algorithm)
	}
	var a Authorization
	fields := strings.Split(list, ",")
	if len(fields) != 3 {
		return Authorization{}, errors.New("the Authorization header needs Credential, SignedHeaders and Signature, each once")
	}
	for i, field := range fields {
		if i > 0 {
			field = strings.TrimLeft(field, " \t")
		}
		if err := a.parseField(field); err != nil {
			return Authorization{}, err
		}
	}
	return a, nil
}

// parseField parses one field. Three fields of which none repeats are all of
// them.
func (a *Authorization) parseField(field string) error {
	name, value, _ := strings.Cut(field, "=")
	switch {
	case name == "Credential" && a.SecretID == "":
		return a.parseCredential(value)
	case name == "SignedHeaders" && a.SignedHeaders == nil:
		return a.parseSignedHeaders(value)
	case name == "Signature" && a.Signature == "":
		return a.parseSignature(value)
	}
	return errors.New("the Authorization header has an unknown or repeated field")
}

func (a *Authorization) parseCredential(value string) error {
	parts := strings.Split(value, "/")
	if len(parts) != 4 || parts[3] != terminator {
		return errors.New("the Credential is not SECRETID/DATE/SERVICE/" + terminator)
	}
	switch {
	case !isToken(parts[0], maxSecretIDBytes, isVisible):
		return errors.New("the Credential has no usable secret id")
	case !isDate(parts[1]):
		return errors.New("the Credential has no date of the form YYYY-MM-DD")
	case !isToken(parts[2], maxServiceBytes, isServiceByte):
		return errors.New("the Credential has no usable service")
	}
	a.SecretID, a.Date, a.Service = parts[0], parts[1], parts[2]
	return nil
}

func (a *Authorization) parseSignedHeaders(value string) error {
	names := strings.Split(value, ";")
	if len(names) > maxSignedHeaders {
		return errors.New("the field SignedHeaders has too many names")
	}
	for i, name := range names {
		switch {
		case !isToken(name, maxHeaderNameBytes, isHeaderByte):
			return errors.New("the field SignedHeaders has what is no lower-case header name")
		case slices.Contains(names[:i], name):
			return errors.New("the field SignedHeaders repeats a name")
		}
	}
	a.SignedHeaders = names
	return nil
}

func (a *Authorization) parseSignature(value string) error {
	if len(value) != signatureBytes || !isToken(value, signatureBytes, isHex) {
		return errors.New("the Signature is not 64 lower-case hex characters")
	}
	a.Signature = value
	return nil
}

// isToken reports whether s has 1 to max bytes, all of the class.
func isToken(s string, max int, class func(byte) bool) bool {
	if s == "" || len(s) > max {
		return false
	}
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

func isLowerOrDigit(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }
func isServiceByte(b byte) bool  { return isLowerOrDigit(b) || b == '-' || b == '_' }
func isVisible(b byte) bool      { return '!' <= b && b <= '~' }
func isHex(b byte) bool          { return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' }

// isHeaderByte reports whether b may be in a header's name (RFC 9110, 5.6.2) and
// is not upper case.
func isHeaderByte(b byte) bool {
	return isLowerOrDigit(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// isDate reports whether s is a date, and in the one form that Date prints.
func isDate(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Format(time.DateOnly) == s
}
