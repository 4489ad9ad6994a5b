package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"strconv"
	"sync"
)

// Tokens carry their claim, so a state that is put back does not know which were
// issued after it. So where states are put back, tokens are of lines: each state
// that is kept ends one and begins another, and a state that is put back knows
// the lines that were before it. Line 0 is that of a ring which knows no others.

// line signs the tokens of one line.
type line struct {
	id   [keyIDBytes]byte
	sigs *sync.Pool // of *keyed
}

// lines are those of the state that is there.
type lines struct {
	own     *line // which signs
	earlier map[[keyIDBytes]byte]*line
}

// of returns the line of that id, nil if it is none of these.
func (l *lines) of(id [keyIDBytes]byte) *line {
	if id == l.own.id {
		return l.own
	}
	return l.earlier[id]
}

// UseLines has the ring sign tokens in the last of some lines, and verify those
// of all of them, and of no other.
func (r *Ring) UseLines(ids []int64) {
	now := &lines{earlier: map[[keyIDBytes]byte]*line{}}
	for _, id := range ids {
		now.own = r.line(id)
		now.earlier[now.own.id] = now.own
	}
	r.signing.Store(now)
}

func (r *Ring) line(id int64) *line {
	if id == 0 {
		return &line{id: r.id, sigs: &r.sigs}
	}
	name := strconv.FormatInt(id, 10)
	key := subkey(r.linesKey, "sign/"+name)
	l := &line{sigs: &sync.Pool{New: func() any { return &keyed{Hash: hmac.New(sha256.New, key)} }}}
	copy(l.id[:], subkey(r.linesKey, "id/"+name))
	return l
}
