package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFaults is how many faults are told one by one: nobody reads more before mending the first.
const maxFaults = 100

// Fault is one thing that is wrong with a world file.
type Fault struct {
	Name    string `json:"name,omitempty"` // of the file, as the caller gave it
	Line    int    `json:"line,omitempty"` // from 1; 0 where it is the whole file's
	Message string `json:"message"`        // never shows a secret
}

// String is `name:line: message`, without what is not known.
func (f Fault) String() string {
	switch {
	case f.Name != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d: %s", f.Name, f.Line, f.Message)
	case f.Name != "":
		return f.Name + ": " + f.Message
	case f.Line > 0:
		return fmt.Sprintf("line %d: %s", f.Line, f.Message)
	}
	return f.Message
}

// Faults are all the faults of a world file, by line. Of more than 100 it holds the first 100, and a last one, with
// neither name nor line, that says how many more there are.
type Faults []Fault

// Error gives every fault on a line of its own.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// collector gathers faults in any order and holds only as many as will be told, however many there are.
type collector struct {
	name  string
	held  Faults
	total int
	last  int // with maxFaults held and more told: the line from which on nothing is held any more, else 0
}

func (c *collector) add(line int, format string, args ...any) {
	if !c.wants(line) {
		c.total++
		return
	}
	fault := Fault{Name: c.name, Line: line, Message: fmt.Sprintf(format, args...)}
	if len(c.held) > 0 && c.held[len(c.held)-1] == fault {
		return // ten aliases on one line are one thing to mend
	}
	if len(c.held) == 2*maxFaults {
		c.trim()
	}
	c.total++
	c.held = append(c.held, fault)
}

// wants is whether a fault of this line can still be among the first.
func (c *collector) wants(line int) bool {
	return c.last == 0 || line < c.last
}

// trim keeps the first by line; among those of one line, the first told.
func (c *collector) trim() {
	slices.SortStableFunc(c.held, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	if len(c.held) >= maxFaults {
		c.held = c.held[:maxFaults]
		c.last = c.held[maxFaults-1].Line
	}
}

func (c *collector) sorted() Faults {
	c.trim()
	if more := c.total - len(c.held); more > 0 {
		return append(c.held, Fault{Message: fmt.Sprintf("and %d more", more)})
	}
	return c.held
}
