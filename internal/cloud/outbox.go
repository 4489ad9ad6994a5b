package cloud

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/tcb"
)

// The pauses between the tries of a push are real time, whatever the service's
// clock shows (PU-11).
var (
	eventPauses = []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	}
	ticketPauses = []time.Duration{5 * time.Second, 30 * time.Second} // until the next ticket
)

const (
	// hourlyTries is how often an event is tried each hour after that: a day in all.
	hourlyTries = 23
	// pushLease is how long a push is under way at most. A server that ended in the
	// middle holds it up for so long (PU-13).
	pushLease = 20 * time.Second
	// PushTime is how long a server may take over one that it has taken. The rest of
	// the lease is for clocks that do not agree.
	PushTime = 14 * time.Second

	pushesKept    = 100_000            // of a platform (PU-15)
	pushesKeptFor = 7 * 24 * time.Hour // by the machine's clock
	ticketsAtOnce = 200
)

// lanePlaces is how many pushes of each lane may be under way at once (PU-12). Only
// addresses that answer may take all of the places.
var lanePlaces = [Lanes]int{Answering: MaxPushes, Untried: MaxPushes * 5 / 8, Failing: MaxPushes / 4}

// Pause returns how long a push waits after so many tries, and whether it is tried
// again at all.
func (p Push) Pause() (time.Duration, bool) {
	pauses, hourly := ticketPauses, 0
	if p.isEvent() {
		pauses, hourly = eventPauses, hourlyTries
	}
	switch n := p.Tries - 1; {
	case n < len(pauses):
		return pauses[max(0, n)], true
	case n < len(pauses)+hourly:
		return time.Hour, true
	}
	return 0, false
}

// realNow is the machine's time in Unix milliseconds.
func (s *Service) realNow() int64 { return s.real().UnixMilli() }

// wakePushes lets whoever delivers look for what is due.
func (s *Service) wakePushes() {
	select {
	case s.pushed <- struct{}{}:
	default: // it will look anyway
	}
}

// PushesDue returns a channel that has something when there may be more to deliver.
func (s *Service) PushesDue() <-chan struct{} { return s.pushed }

// RecordDueTickets records a ticket for each address whose next one is due (PU-7).
func (s *Service) RecordDueTickets(ctx context.Context) error {
	for {
		now := s.now()
		due, err := s.store.DueTickets(ctx, now, now+ticketRenewal.Milliseconds(), ticketsAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		err = s.store.RecordTickets(ctx, due, func(d DueTicket) int64 { return nextTicket(d, now) }, now)
		if err != nil || len(due) < ticketsAtOnce {
			return err
		}
	}
}

// nextTicket returns when the ticket after one that is due is due: however late it
// is, one follows in the next ten minutes. Each address has a moment of its own.
func nextTicket(d DueTicket, now int64) int64 {
	h := fnv.New32a()
	h.Write([]byte(d.Platform + " " + d.URL))
	every := ticketRenewal.Milliseconds()
	moment := int64(h.Sum32()) % every
	return now + every - (now-moment)%every
}

// UnderWay is what a server is delivering.
type UnderWay struct {
	Lanes     [Lanes]int
	Addresses map[string]int
}

// Add counts a push that is under way, or by -1 one that is no more.
func (u *UnderWay) Add(p Push, n int) {
	u.Lanes[p.Lane] += n
	if u.Addresses[p.URL] += n; u.Addresses[p.URL] == 0 {
		delete(u.Addresses, p.URL)
	}
}

// TakePushes returns pushes that are due, to be delivered now, as many as there is
// room for beside those under way, and counts them there. They are taken for
// PushTime: what is not ended by then another server takes.
func (s *Service) TakePushes(ctx context.Context, under *UnderWay) (all []Push, err error) {
	for lane := range Lanes {
		for {
			taken, err := s.takeFrom(ctx, lane, under)
			if all = append(all, taken...); err != nil || len(taken) == 0 {
				if err != nil {
					return all, storeError("take pushes", err)
				}
				break
			}
		}
	}
	return all, nil
}

func (s *Service) takeFrom(ctx context.Context, lane Lane, under *UnderWay) ([]Push, error) {
	room := under.Room(lane)
	if room <= 0 {
		return nil, nil
	}
	var full []string
	for address, n := range under.Addresses {
		if n >= under.ofOne(lane, 0) {
			full = append(full, address)
		}
	}
	due, err := s.store.DuePushes(ctx, lane, s.realNow(), full, room)
	if err != nil {
		return nil, err
	}
	var chosen []Push
	counts := map[string]int{}
	for _, p := range due {
		if counts[p.URL]++; under.Addresses[p.URL]+counts[p.URL] <= under.ofOne(lane, len(chosen)) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	taken, err := s.store.TakePushes(ctx, chosen, s.realNow()+pushLease.Milliseconds())
	for _, p := range taken {
		under.Add(p, 1)
	}
	return taken, err
}

// Room returns how many more pushes of a lane may be under way.
func (u *UnderWay) Room(lane Lane) int { return min(lanePlaces[lane]-u.Lanes[lane], MaxPushes-u.all()) }

// ofOne returns how many pushes of one address may be under way, with so many more
// than there are. Whose answers are not known yet has one place, and so has everybody
// when half of all places are taken: they reach more addresses then.
func (u *UnderWay) ofOne(lane Lane, more int) int {
	if lane == Untried || u.all()+more >= MaxPushes/2 {
		return 1
	}
	return pushesOfOne
}

func (u *UnderWay) all() (n int) {
	for _, of := range u.Lanes {
		n += of
	}
	return n
}

// Letter is a push as it is sent.
type Letter struct {
	URL  string // with the query
	Body []byte
	// Secret is the ticket or the code, which no list and no log may show; "" if it
	// has none.
	Secret string
}

// ErrNoPush is what Letter returns for a push that is of no use any more: its
// address was taken away, or its consent counts no more.
var ErrNoPush = errors.New("of no use any more")

// Letter makes what is sent of a push: with the ticket of now, or with a code of its
// own, which is in force when Letter returns (PU-9). So a push that is sent again
// brings no dead code.
func (s *Service) Letter(ctx context.Context, p Push) (Letter, error) {
	return s.letter(ctx, p, false)
}

// SpoiledLetter is Letter for tests: its body is signed and cannot be decrypted.
func (s *Service) SpoiledLetter(ctx context.Context, p Push) (Letter, error) {
	return s.letter(ctx, p, true)
}

func (s *Service) letter(ctx context.Context, p Push, spoiled bool) (Letter, error) {
	if p.Sealed == "" {
		return Letter{}, fmt.Errorf("the address was taken away: %w", ErrNoPush)
	}
	address, err := EventAddress{p.URL, p.Sealed}.open(s.ring, p.Platform)
	if err != nil {
		return Letter{}, err
	}
	key, err := push.NewKey(address.Token, address.AESKey)
	if err != nil {
		return Letter{}, err
	}
	c := s.caller(rid(p))
	c.Platform, c.AppID = p.Platform, p.AppID
	e := tcb.Event{
		AppID: p.Platform, CreateTime: time.UnixMilli(c.Now), InfoType: p.Kind, AuthorizerAppID: p.AppID,
		PreAuthCode: p.PreAuthCode,
	}
	random := s.randomFor(strings.Join([]string{p.Platform, p.URL, p.Kind, p.AppID, p.RefreshMAC}, " "))
	if err := s.fill(ctx, c, random, p, &e); err != nil {
		return Letter{}, err
	}
	sealed := push.NewEnvelope(key, random, p.Platform, e.XML(), e.CreateTime)
	if spoiled {
		sealed.Encrypt = "c3BvaWxlZA==" // is of no length that a sealed message has
	}
	return Letter{URL: sealed.URL(key, p.URL), Body: sealed.Body(),
		Secret: e.ComponentVerifyTicket + e.AuthorizationCode}, nil
}

// fill gives an event the ticket or the code that it brings.
func (s *Service) fill(ctx context.Context, c Caller, random io.Reader, p Push, e *tcb.Event) error {
	platform, err := s.platform(ctx, cached, p.Platform)
	switch {
	case err != nil:
		return storeError("platform", err)
	case platform.Disabled:
		return errors.New("the platform is disabled")
	case p.Kind == tcb.EventTicket:
		e.ComponentVerifyTicket, err = s.ticket(platform, c.Now/ticketRenewal.Milliseconds())
		return err
	case p.Kind == tcb.EventUnauthorized:
		return nil
	}
	consent, err := s.consentOf(ctx, p)
	var code Token
	if err == nil {
		code, err = s.AnotherCode(ctx, c, random, p.Platform, p.AppID, consent)
	}
	if KindOf(err) == NotFound && err != nil {
		return fmt.Errorf("the consent counts no more: %w", ErrNoPush)
	}
	if err != nil {
		return err
	}
	e.AuthorizationCode, e.CodeExpires = code.Value, e.CreateTime.Add(code.Life)
	return s.recordOutcome(c, actPush, p.Kind, nil)
}

// consentOf returns the consent whose code a push brings: its own, or the one whose
// refresh token is in force, if that has taken the place of its own.
func (s *Service) consentOf(ctx context.Context, p Push) (refreshMAC string, err error) {
	a, err := s.authorization(ctx, reread, p.Platform, p.AppID)
	switch {
	case err != nil:
		return "", notFoundAs(NotFound, "", err)
	case !a.InForce:
		return "", Refused(NotFound, "")
	case a.AppDisabled: // its code could not be exchanged
		return "", errors.New("the Mini Program is disabled")
	}
	own, err := s.store.RefreshToken(ctx, p.Platform, p.AppID, a.Epoch, p.RefreshMAC)
	if errors.Is(err, ErrNotFound) || err == nil && own.SupersededAt != 0 {
		return a.RefreshMAC, nil
	}
	return p.RefreshMAC, err
}

// rid is the id under which a try of a push is recorded.
func rid(p Push) string { return fmt.Sprintf("push-%s-%d", p.ID, p.Tries) }

// Delivered is what became of a letter.
type Delivered struct {
	OK      bool
	Status  int
	Answer  string // what of it is kept
	Success bool   // whether it was exactly that
	Fault   string // why it is not OK
	Slow    bool   // its place was taken away before all of the answer had come
	Ours    bool   // the fault is none of the address
	NoUse   bool   // it is not to be tried again
}

// EndPush ends a try: a push that was not delivered is tried again later, or given
// up (PU-11).
func (s *Service) EndPush(ctx context.Context, p Push, d Delivered) error {
	now := s.realNow()
	end := PushEnd{
		State: PushDelivered, Lane: Answering,
		Last: PushTry{At: now, Status: d.Status, Answer: d.Answer, Success: d.Success, Fault: d.Fault},
	}
	if d.Slow {
		end.Lane = Failing
	}
	if d.OK && !p.isEvent() {
		end.TicketAt = s.now()
	}
	if !d.OK {
		pause, again := p.Pause()
		end.State, end.Lane, end.DueAt = PushWaiting, Failing, now+pause.Milliseconds()
		if !again || d.NoUse {
			end.State = PushGivenUp
		}
		if d.Ours {
			end.Lane = p.Lane
		}
	}
	if err := s.store.EndPush(ctx, p, end); err != nil {
		return storeError("end a push", err)
	}
	return nil
}

// PrunePushes forgets pushes that are over and older than is kept (PU-15).
func (s *Service) PrunePushes(ctx context.Context) error {
	return s.store.PrunePushes(ctx, s.real().Add(-pushesKeptFor), pushesKept)
}
