package cloud

import "encoding/json"

// Page is which part of a list is wanted: at most Limit items, those after the
// one with that key. A list is in the order of its keys. After is nil for its
// beginning.
type Page struct {
	After []string
	Limit int
}

// Key returns the n parts of the key that the page comes after, all "" for the
// beginning: no key is before them.
func (p Page) Key(n int) []any {
	key := make([]any, n)
	for i := range key {
		key[i] = ""
		if i < len(p.After) {
			key[i] = p.After[i]
		}
	}
	return key
}

// Maybe is a member of a change: absent, or given. What is given as null is the
// zero value, which is how a text or a list is taken away.
type Maybe[T any] struct {
	Given bool
	Value T
}

// Given returns a member that is given.
func Given[T any](v T) Maybe[T] { return Maybe[T]{true, v} }

// Or returns the member's value, and v if it is absent.
func (m Maybe[T]) Or(v T) T {
	if m.Given {
		return m.Value
	}
	return v
}

// UnmarshalJSON reads a member that is given.
func (m *Maybe[T]) UnmarshalJSON(text []byte) error {
	*m = Maybe[T]{Given: true}
	if string(text) == "null" {
		return nil
	}
	return json.Unmarshal(text, &m.Value)
}

// MarshalJSON writes a member that is given; omitzero leaves out the others.
func (m Maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.Value) }

// Counts is what there is below a platform or a Mini Program.
type Counts struct {
	Environments   int64 `json:"environments"`
	Functions      int64 `json:"functions"` // in these environments
	Authorizations int64 `json:"authorizations"`
	InForce        int64 `json:"authorizations_in_force"`
}
