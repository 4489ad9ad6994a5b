package relay

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/delivery"
	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/tcb"
)

// idle is how long a target that nothing waits for is left alone.
const idle = time.Hour

// pass passes events on to one target, one after another, so that none overtakes
// another. What it does not answer holds up nobody else.
func (r *Relay) pass(taking, sending context.Context, t Target, wake <-chan struct{}) {
	for taking.Err() == nil {
		e, pause := r.next(t.URL)
		if e != nil {
			r.send(sending, t, e)
			continue
		}
		late := time.NewTimer(pause)
		select {
		case <-taking.Done():
		case <-wake:
		case <-late.C:
		}
		late.Stop()
	}
}

// next returns the event that is due for a target, a ticket before all else, or how
// long none is.
func (r *Relay) next(to string) (next *event, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pause = idle
	for _, e := range r.store.events {
		d := e.To[to]
		if d == nil || r.store.state(e, to) != waiting {
			continue
		}
		left := time.Until(d.Due)
		switch {
		case left > 0:
			pause = min(pause, left)
		case next == nil, e.InfoType == tcb.EventTicket,
			next.InfoType != tcb.EventTicket && d.Due.Before(next.To[to].Due):
			next = e
		}
	}
	return next, pause
}

// send sends an event to a target and keeps how that ended.
func (r *Relay) send(ctx context.Context, t Target, e *event) {
	r.mu.Lock()
	d := e.To[t.URL]
	r.mu.Unlock()
	sealed := push.NewEnvelope(t.Key, rand.Reader, r.platform, e.Message, time.Now())
	got := delivery.Send(ctx, r.sender, cloud.Letter{
		URL: sealed.URL(t.Key, t.URL), Body: sealed.Body(), Secret: e.ComponentVerifyTicket + e.AuthorizationCode,
	})
	if ctx.Err() != nil && !got.OK {
		return // it is sent again at the next start
	}
	if e.subject() == "" {
		got.Answer = "" // which secrets it may repeat is not known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.To[t.URL] != d {
		return // meanwhile somebody wants it sent again
	}
	d.Tries++
	d.Status, d.Answer, d.Success, d.Fault = got.Status, got.Answer, got.Success, got.Fault
	pause, again := cloud.Push{Kind: e.InfoType, Tries: d.Tries}.Pause()
	switch {
	case got.OK:
		d.State, d.Due = delivered, time.Time{}
	case again:
		d.Due = time.Now().Add(pause)
	default:
		d.State, d.Due = givenUp, time.Time{}
	}
	log := r.log.With("url", t.URL, "kind", e.InfoType, "appid", e.AuthorizerAppID, "id", e.ID)
	if got.OK {
		log.Info("passed on")
	} else {
		log.Warn("an address does not take what is passed on", "status", got.Status, "fault", got.Fault, "tries", d.Tries)
	}
	if err := r.store.save(e); err != nil {
		log.Error("how it ended cannot be written: after a restart it is sent again", "err", err)
	}
}
