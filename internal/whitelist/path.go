package whitelist

import "errors"

// MaxPathBytes is the length in bytes of the longest path that a list admits
// (CC-4).
const MaxPathBytes = 1024

// ErrNotListed reports that no entry of the list admits the path (CC-3).
var ErrNotListed = errors.New("path is not in the whitelist")

// FormError reports why a path is not in plain form (CC-4).
type FormError struct {
	Reason string // what is wrong with it; holds nothing of the path
}

// Error returns the reason, fit to be shown to the caller.
func (e *FormError) Error() string {
	return "path " + e.Reason
}

// Path is the path of a cloud call that a list admits, byte for byte as it was
// received. Only Judge makes one, so a path that was not judged cannot be
// forwarded (CC-4).
type Path struct {
	text string
}

// String returns the path; "" for the zero value, which is not a path.
func (p Path) String() string {
	return p.text
}

// Judge decides whether the list admits a call's path, and returns the path to
// forward (CC-2, CC-4). raw is the request target before the first '?', as it
// was received, not decoded; the Path is exactly raw. The error is a *FormError
// if raw is not in plain form, and ErrNotListed if no entry admits it. A nil
// list admits nothing.
func (l *List) Judge(raw string) (Path, error) {
	if reason := callFault(raw); reason != "" {
		return Path{}, &FormError{Reason: reason}
	}
	if !l.admits(raw) {
		return Path{}, ErrNotListed
	}
	return Path{text: raw}, nil
}

// callFault returns why a call's path is not in plain form, "" if it is.
func callFault(path string) string {
	switch {
	case len(path) > MaxPathBytes:
		return "is over 1024 bytes"
	case path == "/":
		return ""
	}
	return plainFault(path)
}
