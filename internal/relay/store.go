package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/tcb"
)

// The bounds of what is kept (PU-15).
const (
	keptFor = 7 * 24 * time.Hour
	kept    = 10_000 // events
)

// The states of a delivery.
const (
	waiting    = "waiting"
	delivered  = "delivered"
	superseded = "superseded"
	givenUp    = "given_up"
)

// event is an event as it is kept, and what became of it at each target.
type event struct {
	ID      string              `json:"id"` // those of later ones are greater
	At      time.Time           `json:"at"`
	Message []byte              `json:"message"`
	To      map[string]*outcome `json:"to"` // by URL

	tcb.Event `json:"-"`
}

// outcome is what became of an event at a target.
type outcome struct {
	State   string    `json:"state"`
	Tries   int       `json:"tries"`
	Due     time.Time `json:"due,omitzero"`
	Status  int       `json:"status,omitempty"`
	Answer  string    `json:"answer,omitempty"`
	Success bool      `json:"success"` // whether the answer was exactly that
	Fault   string    `json:"fault,omitempty"`
}

// subject is what an event says the latest of; "" if another does not end it.
func (e *event) subject() string {
	switch e.InfoType {
	case tcb.EventTicket:
		return e.InfoType
	case tcb.EventAuthorized, tcb.EventUpdateAuthorized, tcb.EventUnauthorized:
		return e.AuthorizerAppID
	}
	return ""
}

// store keeps events in a folder, each in a file. Its user holds a mutex.
type store struct {
	root   *os.Root
	lock   *os.File // of the folder, against other processes
	ring   *seal.Ring
	events []*event          // oldest first
	last   int64             // the greatest id
	latest map[string]*event // by subject
}

// folder is what a relay has in its data folder, which may be a server's too.
const folder = "relay"

// openStore opens the store in a folder.
func openStore(dir string, ring *seal.Ring) (*store, error) {
	dir = filepath.Join(dir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err == nil {
		err = secretfile.CheckOwner("the data folder", dir, "--data", info, false)
	}
	if err != nil {
		return nil, err
	}
	lock, err := secretfile.OpenLocked(filepath.Join(dir, "lock"))
	if errors.Is(err, secretfile.ErrLocked) {
		return nil, fmt.Errorf("another relay is using the folder %s: stop it, or choose another with --data", dir)
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &store{root: root, lock: lock, ring: ring, latest: map[string]*event{}}
	names, err := fs.Glob(root.FS(), "*.json") // sorted
	for _, name := range names {
		if err == nil {
			err = s.load(name)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) close() error { return errors.Join(s.root.Close(), s.lock.Close()) }

func (s *store) load(name string) error {
	text, err := secretfile.ReadIn(s.root, name)
	id := strings.TrimSuffix(name, ".json")
	if err == nil && strings.HasPrefix(string(text), "s1.") {
		if s.ring == nil {
			return fmt.Errorf("%s is sealed: the relay's file needs seal_key", name)
		}
		var plain string
		plain, err = s.ring.Open(folder, []string{id}, string(text))
		text = []byte(plain)
	}
	e := &event{}
	if err == nil {
		err = json.Unmarshal(text, e)
	}
	if err == nil {
		e.Event, err = tcb.ParseEvent(e.Message)
	}
	if err == nil {
		s.last, err = strconv.ParseInt(id, 16, 64)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(s.root.Name(), name), err)
	}
	e.ID = id
	s.events = append(s.events, e)
	s.note(e)
	return nil
}

// note notes an event if it is the latest of its subject.
func (s *store) note(e *event) {
	if subject := e.subject(); subject != "" && !s.overtaken(e) {
		s.latest[subject] = e
	}
}

// overtaken reports whether a later event of its subject came before an event.
func (s *store) overtaken(e *event) bool {
	before := s.latest[e.subject()]
	return before != nil && before.CreateTime.After(e.CreateTime)
}

// add stores an event that has come for targets. It returns nil once it would be
// there after a power cut.
func (s *store) add(received tcb.Event, targets []Target) error {
	now := time.Now()
	e := &event{At: now, Message: received.Message, To: map[string]*outcome{}, Event: received}
	s.last = max(s.last+1, now.UnixNano()) // the clock may have been set back
	e.ID = fmt.Sprintf("%016x", s.last)
	state := waiting
	if s.overtaken(e) {
		state = superseded
	}
	for _, t := range targets {
		e.To[t.URL] = &outcome{State: state, Due: now}
	}
	if err := s.save(e); err != nil {
		return err
	}
	s.events = append(s.events, e)
	s.note(e)
	s.prune(now)
	return nil
}

func (s *store) save(e *event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if s.ring != nil {
		text = []byte(s.ring.Seal(folder, []string{e.ID}, string(text)))
	}
	return secretfile.Write(s.root, e.ID+".json", text)
}

// state is what became of an event at a target: a newer event ends what waits.
func (s *store) state(e *event, to string) string {
	d := e.To[to]
	if newer := s.latest[e.subject()]; d.State == waiting && newer != nil && newer != e {
		return superseded
	}
	return d.State
}

// prune forgets what is older than is kept, and not the latest ticket. A file that
// cannot be removed is forgotten at another time.
func (s *store) prune(now time.Time) {
	excess := len(s.events) - kept
	s.events = slices.DeleteFunc(s.events, func(e *event) bool {
		excess--
		if e.At.After(now.Add(-keptFor)) && excess < 0 || s.latest[tcb.EventTicket] == e {
			return false
		}
		if s.root.Remove(e.ID+".json") != nil {
			return false
		}
		if s.latest[e.subject()] == e {
			delete(s.latest, e.subject())
		}
		return true
	})
}
