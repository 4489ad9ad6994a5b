package whitelist

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

// Suggest returns the smallest whitelist that admits the paths: sorted, as
// Normalize accepts it, never nil. Each path is an entry. For a path that cannot
// be an entry, because it is over MaxEntryBytes or has a *, the nearest folder
// that can be one stands as "folder/*". If there are over MaxEntries entries,
// the folders with most paths are folded to "folder/*", as few as necessary;
// "/*" is the last resort. Paths that are not in plain form are left out, since
// no list admits them (CC-4).
func Suggest(paths []string) []string {
	return suggest(paths, MaxEntries)
}

// suggest is Suggest for lists of at most so many entries.
func suggest(paths []string, most int) []string {
	exact, folded := plainPaths(paths)
	ranked := rankedFolders(slices.Concat(exact, folded))
	n := sort.Search(len(ranked), func(n int) bool {
		return len(fold(exact, folded, ranked[:n])) <= most
	})
	return fold(exact, folded, ranked[:n])
}

// plainPaths returns the paths in plain form that can be entries, each once, and
// the folders of those that cannot, which must be folded.
func plainPaths(paths []string) (exact []string, folded []string) {
	for _, path := range sorted(slices.Clone(paths)) {
		switch {
		case callFault(path) != "":
		case entryFault(path) == "" && !strings.HasSuffix(path, "/*"):
			exact = append(exact, path)
		default:
			folded = append(folded, entryFolder(path))
		}
	}
	return exact, folded
}

// sorted sorts a list in place and removes repeated strings.
func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// entryFolder returns the nearest folder of a path that can be an entry with
// "/*"; in the end "", for the entry "/*".
func entryFolder(path string) string {
	folder := parent(path)
	for entryFault(folder+"/*") != "" {
		folder = parent(folder)
	}
	return folder
}

// parent returns the folder that a path lies in, without a last slash.
func parent(path string) string {
	return path[:strings.LastIndexByte(path, '/')]
}

// fold returns the entries that admit the paths when every folder of the two
// lists is folded.
func fold(paths, folded, more []string) []string {
	whole := make(map[string]bool, len(folded)+len(more))
	for _, folder := range slices.Concat(folded, more) {
		whole[folder] = true
	}
	entries := make([]string, 0, len(paths)+len(folded))
	for _, path := range paths {
		entries = append(entries, outermost(path, path, whole))
	}
	for _, folder := range folded {
		entries = append(entries, outermost(folder+"/", "", whole))
	}
	return sorted(entries)
}

// outermost returns the entry of the outermost folded folder that a path lies
// in, or otherwise if there is none.
func outermost(path, otherwise string, whole map[string]bool) string {
	for i := range len(path) {
		if path[i] == '/' && whole[path[:i]] {
			return path[:i] + "/*"
		}
	}
	return otherwise
}

// rankedFolders returns the folders that shorten the list when folded, in the
// order in which to fold them: those with most paths directly in them, then
// those that only have folders, the deepest first, and "" at the end. A folder
// that is folded already counts as a path.
func rankedFolders(paths []string) []string {
	inside := map[string]int{}  // folder: paths directly in it
	members := map[string]int{} // folder: paths and folders directly in it
	for _, path := range paths {
		if path == "" {
			continue // "/*" is an entry already
		}
		inside[parent(path)]++
		for path != "" {
			path = parent(path)
			if members[path]++; members[path] > 1 {
				break // counted in its own folders already
			}
		}
	}
	ranked := slices.DeleteFunc(slices.Collect(maps.Keys(members)), func(folder string) bool {
		return members[folder] < 2
	})
	slices.SortFunc(ranked, func(a, b string) int {
		return cmp.Or(
			-cmp.Compare(min(len(a), 1), min(len(b), 1)),
			-cmp.Compare(max(inside[a], 1), max(inside[b], 1)),
			-cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")),
			cmp.Compare(a, b),
		)
	})
	return ranked
}
