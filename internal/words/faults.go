package words

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// most is how many faults of a file are reported: nobody reads more before
// mending the first.
const most = 100

// Fault is one thing that is wrong with a file.
type Fault struct {
	File    string `json:"-"`              // its name, where it is known
	Line    int    `json:"line,omitempty"` // from 1; 0 for the file as a whole
	Message string `json:"message"`        // never shows a secret
}

// String returns `file:line: message`, without what is not known.
func (f Fault) String() string {
	switch {
	case f.File != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
	case f.File != "":
		return f.File + ": " + f.Message
	case f.Line > 0:
		return fmt.Sprintf("line %d: %s", f.Line, f.Message)
	}
	return f.Message
}

// Faults is all that is wrong with a file that a person wrote, by line. Of more than 100 it holds the
// first 100, and a last one without a line that gives the number of the others.
type Faults []Fault

// Error returns every fault on a line of its own.
func (l Faults) Error() string {
	lines := make([]string, len(l))
	for i, f := range l {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Collector gathers the faults of a file in any order. It keeps only as many as
// will be reported, however many there are. The zero value is ready for use.
type Collector struct {
	File string // the name of the file, for its faults

	held  Faults
	total int
	last  int // the line from which on no fault is kept any more; 0 while all are
}

// Add adds a fault of a line. One that repeats the fault added before it is
// dropped: ten aliases on one line are one thing to mend.
func (c *Collector) Add(line int, format string, args ...any) {
	if !c.Wants(line) {
		c.total++
		return
	}
	f := Fault{File: c.File, Line: line, Message: fmt.Sprintf(format, args...)}
	if len(c.held) > 0 && c.held[len(c.held)-1] == f {
		return
	}
	if len(c.held) == 2*most {
		c.trim()
	}
	c.total++
	c.held = append(c.held, f)
}

// Wants reports whether a fault of this line can still be among the first.
func (c *Collector) Wants(line int) bool {
	return c.last == 0 || line < c.last
}

// Err returns the Faults that were added, nil if nothing was.
func (c *Collector) Err() error {
	c.trim()
	if len(c.held) == 0 {
		return nil
	}
	if more := c.total - len(c.held); more > 0 {
		return append(c.held, Fault{Message: fmt.Sprintf("and %d more", more)})
	}
	return c.held
}

// trim keeps the first faults by line; of one line, those that came first.
func (c *Collector) trim() {
	slices.SortStableFunc(c.held, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	if len(c.held) >= most {
		c.held = c.held[:most]
		c.last = c.held[most-1].Line
	}
}
