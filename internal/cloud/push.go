package cloud

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// PushState is how far a push is.
type PushState int

// The states of a push. Those before PushDelivered are open: there is more to do.
const (
	PushWaiting    PushState = iota
	PushUnderWay             // a server is sending it, or ended while it was
	PushLastTry              // under way, and superseded unless that try delivers it
	PushDelivered            // the receiver answered 200
	PushSuperseded           // a newer event came before it was delivered
	PushGivenUp              // it was tried often enough
)

// pushStates are the states as the operator sees them: whether a push is under way
// just now is no news.
var pushStates = [...]string{"waiting", "waiting", "waiting", "delivered", "superseded", "given_up"}

// String returns the operator's word for the state.
func (s PushState) String() string { return pushStates[s] }

// Lane is how an address has answered. Lanes have places of their own, so that
// addresses that do not answer take none from those that do (PU-12).
type Lane int

// The lanes.
const (
	Answering Lane = iota // its last push was delivered
	Untried               // none was tried yet
	Failing               // its last push was not, or held up others
	Lanes                 // how many there are
)

// Push is an event, or a ticket, on its way to one address. It holds neither ticket
// nor code: they are made when it is sent. Times are Unix milliseconds.
type Push struct {
	Platform    string
	ID          string
	URL         string
	Kind        string // as InfoType has it
	AppID       string // the Mini Program; "" of a ticket
	RefreshMAC  string // names the consent whose code is pushed; else ""
	PreAuthCode string // that the consent used up; else ""
	Sealed      string // what is sealed of its address (EventAddress); "" if that was taken away
	At          int64  // when it was recorded, by the service's clock
	State       PushState
	Lane        Lane
	DueAt       int64 // when it is tried next, or how long it is under way at most
	Tries       int
	Last        PushTry
}

// PushTry is what became of the last try. The zero value is that none has ended.
type PushTry struct {
	At      int64
	Status  int    // of the answer; 0: there was none
	Answer  string // its beginning
	Success bool   // whether it was "success", and nothing else
	Fault   string // why it was not delivered, for the operator
}

// PushEnd is what a try changes: the state unless the push was superseded
// meanwhile, when it is tried next, and how its address answers.
type PushEnd struct {
	State PushState
	Lane  Lane
	DueAt int64
	Last  PushTry
	// TicketAt is when a ticket was delivered, by the service's clock; 0: none was.
	TicketAt int64
}

// PushFilter chooses pushes of a platform. Members that are not given choose all.
type PushFilter struct {
	Kind, AppID, State Maybe[string]
}

// DueTicket is the next ticket of an address.
type DueTicket struct {
	Platform, URL string
	At            int64 // when it is due
}

// PushStore keeps pushes. Those of events are recorded by the changes that they
// tell of: Consent and Revoke.
type PushStore interface {
	// DuePushes returns open pushes of a lane that are due, the oldest first, up to
	// limit: none of the addresses in full, of which there are at most MaxPushes,
	// and none while a try of an older event of its Mini Program is under way there.
	DuePushes(ctx context.Context, lane Lane, now int64, full []string, limit int) ([]Push, error)
	// TakePushes puts pushes under way until then, and returns those that still were
	// as given. What had ended its tries is superseded, and not returned.
	TakePushes(ctx context.Context, due []Push, until int64) ([]Push, error)
	// EndPush ends a try of a push, unless another has begun since.
	EndPush(ctx context.Context, p Push, end PushEnd) error
	// DueTickets returns the addresses, of platforms in use, whose ticket is due, or
	// due later than last: the clock was set back. Up to limit.
	DueTickets(ctx context.Context, now, last int64, limit int) ([]DueTicket, error)
	// RecordTickets records a ticket of each address that is due as it was, and when
	// the next one is.
	RecordTickets(ctx context.Context, due []DueTicket, next func(DueTicket) int64, now int64) error
	// PushTickets records a ticket for each address of a platform, and returns them.
	PushTickets(ctx context.Context, platform string, rec Record) ([]Push, error)
	// TicketSent returns when a ticket was delivered last to any address of a platform; 0: never.
	TicketSent(ctx context.Context, platform string) (int64, error)
	// Push returns one.
	Push(ctx context.Context, platform, id string) (Push, error)
	// Pushes returns a page of those of a platform, the latest first.
	Pushes(ctx context.Context, platform string, f PushFilter, p Page) ([]Push, error)
	// PushAgain makes a push wait for its first try: ErrStale if a newer event of its
	// Mini Program was recorded for the address.
	PushAgain(ctx context.Context, p Push, rec Record) error
	// PrunePushes deletes pushes that are not open: those recorded before a time, by the machine's
	// clock, and all but the latest of each platform, as many as are kept.
	PrunePushes(ctx context.Context, before time.Time, kept int) error
}

const (
	MaxPushes   = 64 // under way at once (PU-12)
	pushesOfOne = 4  // of them, of one address
)

// PushView is a push as the operator sees it.
type PushView struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Platform string    `json:"platform"`
	URL      string    `json:"url"`
	Kind     string    `json:"kind"`
	AppID    string    `json:"appid,omitempty"`
	State    string    `json:"state"`
	Tries    int       `json:"tries"`
	NextTry  time.Time `json:"next_try_at,omitzero"` // of one that waits and was tried
	LastTry  time.Time `json:"last_try_at,omitzero"`
	Status   int       `json:"status,omitempty"`
	Answer   string    `json:"answer,omitempty"`
	Success  bool      `json:"success"` // the answer was exactly that
	Fault    string    `json:"fault,omitempty"`
}

// Key is the push's place in the list of all.
func (p PushView) Key() []string { return []string{p.ID} }

func (p Push) view() PushView {
	v := PushView{
		ID: p.ID, At: sinceEpoch(p.At), Platform: p.Platform, URL: p.URL, Kind: p.Kind, AppID: p.AppID,
		State: p.State.String(), Tries: p.Tries, LastTry: sinceEpoch(p.Last.At),
		Status: p.Last.Status, Answer: p.Last.Answer, Success: p.Last.Success, Fault: p.Last.Fault,
	}
	if p.State == PushWaiting {
		v.NextTry = sinceEpoch(p.DueAt)
	}
	return v
}

const actPush = "push"

// pushID is the form of the id of a push.
var pushID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Pushes returns a page of the pushes of a platform, the latest first (PU-15).
// NotFound, or InvalidArgs for a state that is none.
func (s *Service) Pushes(ctx context.Context, platform string, f PushFilter, p Page) ([]PushView, error) {
	if _, err := s.platform(ctx, reread, platform); err != nil {
		return nil, notFoundAs(NotFound, "no platform "+platform, err)
	}
	list, err := s.store.Pushes(ctx, platform, f, p)
	if err != nil {
		return nil, storeError("list pushes", err)
	}
	return pushViews(list), nil
}

func pushViews(list []Push) []PushView {
	views := make([]PushView, len(list))
	for i, p := range list {
		views[i] = p.view()
	}
	return views
}

// PushTicket has the ticket of a platform pushed to all of its addresses now (PU-7),
// and returns the pushes: none if it has no address. NotFound, or Conflict for a
// platform that is disabled.
func (s *Service) PushTicket(ctx context.Context, c Caller, platform string) ([]PushView, error) {
	p, err := s.platform(ctx, reread, platform)
	switch {
	case err != nil:
		return nil, notFoundAs(NotFound, "no platform "+platform, err)
	case p.Disabled:
		return nil, Refused(Conflict, platform+" is disabled: nothing is pushed to it")
	}
	c.Platform = platform
	list, err := s.store.PushTickets(ctx, platform, c.record(actPush, "ticket"))
	if err != nil {
		return nil, storeError("push a ticket", err)
	}
	s.wakePushes()
	return pushViews(list), nil
}

// PushAgain sends a push once more (PU-15), with a ticket or code of its own.
// NotFound, or Conflict if the Mini Program's newer event was recorded since: no
// receiver hears of them in the wrong order.
func (s *Service) PushAgain(ctx context.Context, c Caller, platform, id string) (PushView, error) {
	if !pushID.MatchString(id) {
		return PushView{}, Refused(NotFound, "there is no such push: an id is 16 hex digits")
	}
	none := fmt.Sprintf("platform %s has no push %s", platform, id)
	p, err := s.store.Push(ctx, platform, id)
	if err != nil {
		return PushView{}, notFoundAs(NotFound, none, err)
	}
	c.Platform, c.AppID = platform, p.AppID
	switch err := s.store.PushAgain(ctx, p, c.record(actPush, "again "+id)); {
	case errors.Is(err, ErrStale):
		return PushView{}, Refused(Conflict, "a newer event of "+p.AppID+" was recorded: send that one")
	case err != nil:
		return PushView{}, notFoundAs(NotFound, none, err)
	}
	s.wakePushes()
	p, err = s.store.Push(ctx, platform, id)
	if err != nil {
		return PushView{}, notFoundAs(NotFound, none, err)
	}
	return p.view(), nil
}

// isEvent reports whether a push tells of an authorization.
func (p Push) isEvent() bool { return p.Kind != tcb.EventTicket }
