package whitelist

import "strings"

// List is a whitelist made ready for judging paths: see NewList and Judge. It is
// immutable, so any number of goroutines may use it. The zero value and nil
// admit nothing.
type List struct {
	// keys has the entries that are paths, and for an entry "/a/*" the folder
	// "/a/". No path on a list ends in a slash, so the two cannot be confused.
	// They are slices of the entries, not copies.
	keys map[string]struct{}
	// depths has the numbers of slashes of the folders in keys, and longest is
	// the length of the longest: other folders of a path need no lookup.
	depths  depthSet
	longest int
}

// NewList makes a list of entries as Normalize returns them. An entry that
// cannot be on a list admits nothing.
func NewList(entries []string) *List {
	l := &List{keys: make(map[string]struct{}, len(entries))}
	for _, entry := range entries {
		if entryFault(entry) != "" {
			continue
		}
		key, folder := strings.CutSuffix(entry, "*")
		l.keys[key] = struct{}{}
		if folder {
			l.depths.add(strings.Count(key, "/"))
			l.longest = max(l.longest, len(key))
		}
	}
	return l
}

// admits reports whether an entry admits a path, which must be in plain form.
// The cost depends on the path, not on the number of entries. "/*" admits "/"
// too (CC-4).
func (l *List) admits(path string) bool {
	if l == nil {
		return false
	}
	if _, ok := l.keys[path]; ok {
		return true
	}
	depth := 0
	for i := range min(len(path), l.longest) {
		if path[i] != '/' {
			continue
		}
		depth++
		if !l.depths.has(depth) {
			continue
		}
		if _, ok := l.keys[path[:i+1]]; ok {
			return true
		}
	}
	return false
}

// depthSet is a set of numbers of slashes. An entry has at most half of
// MaxEntryBytes.
type depthSet [MaxEntryBytes/2/64 + 1]uint64

func (s *depthSet) add(depth int) {
	s[depth/64] |= 1 << (depth % 64)
}

func (s *depthSet) has(depth int) bool {
	return s[depth/64]&(1<<(depth%64)) != 0
}
