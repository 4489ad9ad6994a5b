package backup

import (
	"bytes"
	"slices"

	"github.com/opentcb/opentcb/internal/blob"
)

// maxSums is how many pieces of code an archive may have: 1 GiB of their names.
const maxSums = 1 << 25

// sums is a set of names of code, 32 bytes each.
type sums struct {
	all   []blob.Sum
	clean int // the number of names, from the start, that are sorted and differ
}

// add adds a name that may be there already.
func (s *sums) add(sum blob.Sum) error {
	if len(s.all) >= max(1024, 2*s.clean) {
		s.compact()
		if len(s.all) > maxSums {
			return broken("it names more than %d pieces of code", maxSums)
		}
	}
	s.all = append(s.all, sum)
	return nil
}

func (s *sums) compact() {
	slices.SortFunc(s.all, func(a, b blob.Sum) int { return bytes.Compare(a[:], b[:]) })
	s.all = slices.Compact(s.all)
	s.clean = len(s.all)
}

// list returns the names in their order.
func (s *sums) list() []blob.Sum {
	s.compact()
	return s.all
}
