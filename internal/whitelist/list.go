package whitelist

import "strings"

// List is a whitelist made ready for judging. It does not change, so that any
// number of goroutines may use it. The zero value and nil admit nothing.
type List struct {
	// keys are the entries that are paths, and of the others the folder with
	// its last slash: "/a/" for "/a/*". No path on a list ends in a slash, so
	// that the two cannot be taken for each other. They are parts of the
	// entries, not copies.
	keys map[string]struct{}
	// depths has the numbers of slashes that the folders in keys have, and
	// longest the length of the longest of them: what else a path has of folders
	// need not be looked up.
	depths  depthSet
	longest int
}

// NewList makes a list of entries as Normalize returns them. An entry that can
// be on no list admits nothing.
func NewList(entries []string) *List {
	l := &List{keys: make(map[string]struct{}, len(entries))}
	for _, entry := range entries {
		if fault(entry) != "" {
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

// admits says whether an entry admits a path, which must be in plain form: its
// cost grows with the path, not with the entries. "/*" admits "/" too (CC-4).
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

// depthSet is a set of the numbers of slashes that an entry can have, which are
// at most half of MaxEntryBytes.
type depthSet [MaxEntryBytes/2/64 + 1]uint64

func (s *depthSet) add(depth int) {
	s[depth/64] |= 1 << (depth % 64)
}

func (s *depthSet) has(depth int) bool {
	return s[depth/64]&(1<<(depth%64)) != 0
}
