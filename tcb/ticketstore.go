package tcb

import (
	"context"
	"errors"
	"time"
)

// ticketLife is how long WeChat accepts a verify ticket.
const ticketLife = 12 * time.Hour

// ErrNoTicket is what TicketStore.Ticket returns before the first ticket has come.
var ErrNoTicket = errors.New("no verify ticket has come yet: the platform pushes one every 10 minutes, " +
	"and at once after a call of api_start_push_ticket")

// TicketStore keeps a platform's latest verify ticket: in memory with a MemoryStore,
// in a file that processes share with a FileStore.
//
//	tickets := tcb.TicketStore{In: tcb.FileStore{Path: "ticket"}}
//	http.Handle("/events", &tcb.EventHandler{…, Tickets: tickets})
//	tokens := tcb.ComponentTokens(client, appid, secret, tickets.Ticket)
type TicketStore struct {
	In TokenStore // required, and of this ticket alone
}

// Ticket returns the latest ticket, or ErrNoTicket.
func (s TicketStore) Ticket(ctx context.Context) (string, error) {
	t, err := s.In.Load(ctx)
	if err == nil && t.Value == "" {
		err = ErrNoTicket
	}
	return t.Value, err
}

// Put keeps a ticket that was made at that time, unless a later one has come
// already: pushes may overtake each other, and an old one may be sent again.
func (s TicketStore) Put(ctx context.Context, ticket string, made time.Time) error {
	_, err := s.In.Update(ctx, func(old IssuedToken) (IssuedToken, error) {
		if old.IssuedAt.After(made) {
			return old, nil
		}
		return IssuedToken{Value: ticket, IssuedAt: made, ExpiresAt: made.Add(ticketLife)}, nil
	})
	return err
}
