//go:build linux

package soaktest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// contested is an environment that clients contend for. Nobody flips the
// switch of its account, so that versions move by sets alone.
type contested struct {
	env, token string
	mu         sync.Mutex
	sent       map[string]*oneSet // by the one entry of its whitelist
}

// oneSet is a set that somebody sent.
type oneSet struct {
	version int64
	fate    fate
}

// fate is what the sender of a set was told.
type fate int

const (
	unknown fate = iota
	accepted
	turnedDown
)

// tact is how often the rivals of an environment send: at the same moment, so
// that they meet. All their sets fit into the history that is kept.
func tact() time.Duration { return time.Duration(length(250, 1200)) * time.Millisecond }

// step reads the version and sends a set with it that no other is like.
func (x *contested) step(r *roamer, env, rival, n int) error {
	var now permission
	if err := r.until("get", func() (err error) { now, err = r.here(x.token).permission(x.env); return err }); err != nil {
		return err
	}
	phase := time.Duration(env) * tact() / 16
	time.Sleep(time.Until(time.Now().Add(-phase).Truncate(tact()).Add(tact() + phase)))
	r.roam()
	entry := fmt.Sprintf("/r%d/n%d", rival, n)
	one := &oneSet{version: now.version}
	x.mu.Lock()
	x.sent[entry] = one
	x.mu.Unlock()
	set := func() error {
		return r.here(x.token).setPermission(x.env, permission{open: true, list: []string{entry}, version: now.version})
	}
	err := r.try("set", set)
	again := err == errUnknown && rand.IntN(2) == 0
	if again { // word for word (UT-7)
		err = r.try("set", set)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch code, wasRefused := refused(err); {
	case err == nil:
		one.fate = accepted
	case wasRefused && code == tcb.InvalidArgs && !again: // after an unknown one it may have been overtaken
		one.fate = turnedDown
	case err != errUnknown && !(wasRefused && code == tcb.InvalidArgs):
		return err
	}
	return nil
}

// check goes through the whole history: what was answered is there, once, at
// its version; what was turned down is not; every version follows the one
// before; and for each that was contended for there is one winner (UT-6, UT-9,
// UT-16). It returns how many sets were answered, and how many versions were
// contended for.
func (x *contested) check(f *faults, s *server, c *client) (answered, contended int) {
	changes, err := s.operator().WhitelistHistory(s.t.Context(), x.env)
	if err != nil || len(changes) == 0 {
		f.add("the history of %s: %d changes, %v", x.env, len(changes), err)
		return 0, 0
	}
	won := map[int64]string{} // by the version that it was sent with
	for k, ch := range changes {
		if k == 0 {
			continue // how it was made
		}
		entry := fmt.Sprint(ch.Whitelist)
		one := x.sent[entry[1:len(entry)-1]]
		switch {
		case ch.Version != changes[k-1].Version+2:
			f.add("UT-6: in the history of %s version %d comes after %d", x.env, ch.Version, changes[k-1].Version)
		case one == nil || one.version+2 != ch.Version:
			f.add("the history of %s has %s as version %d, and nobody sent that", x.env, entry, ch.Version)
		case one.fate == turnedDown:
			f.add("UT-9: the history of %s has %s, which was turned down", x.env, entry)
		}
		won[ch.Version-2] = entry[1 : len(entry)-1]
	}
	senders := map[int64]int{}
	for entry, one := range x.sent {
		if senders[one.version]++; senders[one.version] == 2 {
			contended++
		}
		if one.fate == accepted {
			answered++
		}
		switch winner := won[one.version]; {
		case one.fate == accepted && winner != entry:
			f.add("UT-16: in %s %s was accepted with version %d, and the history has %q there", x.env, entry, one.version, winner)
		case one.fate == turnedDown && winner == "":
			f.add("UT-9: in %s %s was turned down with version %d, and nobody was accepted", x.env, entry, one.version)
		}
	}
	last := changes[len(changes)-1]
	if p, err := c.permission(x.env); err != nil || p.version != last.Version || !slices.Equal(p.list, last.Whitelist) {
		f.add("%s is %+v, %v; the last of its history is %+v", x.env, p, err, last)
	}
	return answered, contended
}

// ownCode is a function whose code one client uploads and downloads.
type ownCode struct {
	n               int
	last            uint64
	env, name       string
	token, key, now string
	unknown         map[string]time.Time // checksums of uploads of unknown fate, and when they ended
	done            int
}

// limbo is how long a change of unknown fate may still come through.
const limbo = 3 * time.Second

func (w *ownCode) step(r *roamer, n int) error {
	pause(400)
	if w.key == "" {
		return r.until("getcodesecret", func() (err error) { w.key, err = r.here(w.token).codeSecret(); return err })
	}
	if n%2 == 0 {
		return w.download(r)
	}
	w.last++
	code := newZip(uint64(w.n)<<20+w.last, 1000+rand.IntN(60_000))
	body, sum, began := uploadBody(w.env, w.name, w.key, code), sumOf(code), time.Now()
	var header http.Header
	err := r.until("getuploadsignature", func() (err error) { header, err = r.here(w.token).sign(body); return err })
	if err != nil {
		return err
	}
	r.roam() // signed by one, sent to another
	switch err = r.until("upload", func() error { return r.here("").send(header, body) }); {
	case err == errUnknown:
		w.unknown[sum] = time.Now()
	case err == nil:
		w.now, w.done = sum, w.done+1
		for other, end := range w.unknown {
			if began.Sub(end) > limbo {
				delete(w.unknown, other)
			}
		}
	}
	return err
}

// expected reports whether the code may be that.
func (w *ownCode) expected(sum string) bool {
	_, may := w.unknown[sum]
	return sum == w.now || may
}

func (w *ownCode) download(r *roamer) error {
	var link, sum string
	err := r.until("downloadfunction", func() (err error) { link, sum, err = r.here(w.token).link(w.env, w.name); return err })
	if code, ok := refused(err); ok && code == tcb.NotCodeOwner && w.now == "" {
		return nil
	}
	if err == nil && !w.expected(sum) {
		err = fmt.Errorf("UP-6: the code is %s, it was told %s", sum, w.now)
	}
	if err != nil {
		return err
	}
	r.roam()
	return r.until("download", func() error { return r.fetch(link, sum) })
}

func (w *ownCode) check(f *faults, c *client) int {
	if sum, err := c.download(w.env, w.name); err != nil || !w.expected(sum) {
		f.add("the code of %s is %s, %v; it was told %s", w.name, sum, err, w.now)
	}
	return w.done
}
