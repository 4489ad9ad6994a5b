package whitelist

import "errors"

// MaxPathBytes is the length in bytes of the longest path that a list admits
// (CC-4).
const MaxPathBytes = 1024

// ErrNotListed says that no entry of the list admits the path (CC-3).
var ErrNotListed = errors.New("path is not in the whitelist")

// FormError says why a path is not in plain form (CC-4).
type FormError struct {
	Reason string // what is wrong with it; holds nothing of the path
}

// Error gives the reason, fit to be shown to the caller.
func (e *FormError) Error() string {
	return "path " + e.Reason
}

// Path is the path of a cloud call that a list admits, byte for byte as it
// came. Only Judge makes one, so that what was not judged cannot be forwarded
// (CC-4).
type Path struct {
	text string
}

// String returns the path; "" is that of the zero value, which is no path.
func (p Path) String() string {
	return p.text
}

// Judge says whether the list admits a call's path, and returns the path to
// forward (CC-2, CC-4). raw is the request target before the first '?', as it
// came on the wire, nothing decoded. Nothing is repaired: the Path is raw. The
// error is a *FormError when raw is not in plain form, or else ErrNotListed. A
// list that is nil admits nothing.
func (l *List) Judge(raw string) (Path, error) {
	if reason := callFault(raw); reason != "" {
		return Path{}, &FormError{Reason: reason}
	}
	if !l.admits(raw) {
		return Path{}, ErrNotListed
	}
	return Path{text: raw}, nil
}

// callFault says why a call's path is not in plain form, "" if it is.
func callFault(path string) string {
	switch {
	case len(path) > MaxPathBytes:
		return "is over 1024 bytes"
	case path == "/":
		return ""
	}
	return plainFault(path)
}
