package tcb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// FileStore keeps a token in a file that several processes of one user share.
// The file has mode 0600 and is replaced atomically. Beside it is a file of the
// same name and ".lock", which a process holds while it renews.
type FileStore struct{ Path string }

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 10 * time.Millisecond

// Load implements TokenStore. A file that does not exist or is damaged holds no
// token: a renewal replaces it.
func (s FileStore) Load(context.Context) (IssuedToken, error) {
	var text []byte
	err := steadily(func() (err error) {
		text, err = os.ReadFile(s.Path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return IssuedToken{}, nil
	}
	if err != nil {
		return IssuedToken{}, fmt.Errorf("token file: %w", err)
	}
	var token IssuedToken
	if json.Unmarshal(text, &token) != nil {
		return IssuedToken{}, nil
	}
	return token, nil
}

// Update implements TokenStore. It waits for other processes as long as ctx
// allows.
func (s FileStore) Update(ctx context.Context, next func(IssuedToken) (IssuedToken, error)) (IssuedToken, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return IssuedToken{}, err
	}
	defer unlock()
	stored, err := s.Load(ctx)
	if err != nil {
		return IssuedToken{}, err
	}
	token, err := next(stored)
	if err != nil || token == stored {
		return token, err
	}
	return token, s.save(token)
}

func (s FileStore) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(s.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	for {
		switch held, err := tryLock(f); {
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("token file: %w", err)
		case held:
			return func() { f.Close() }, nil // closing releases the lock
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("token file: waiting for another process: %w", ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

func (s FileStore) save(token IssuedToken) error {
	text, err := json.Marshal(token)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(s.Path), ".token-*") // mode 0600
	if err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = steadily(func() error { return os.Rename(tmp.Name(), s.Path) })
	}
	if err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	return nil
}

// steadily tries again for a second on Windows, where a file that is being
// replaced cannot be read at that moment, nor one that is being read replaced.
func steadily(do func() error) error {
	err := do()
	for range 100 {
		if runtime.GOOS != "windows" || err == nil || errors.Is(err, fs.ErrNotExist) {
			break
		}
		time.Sleep(lockPoll)
		err = do()
	}
	return err
}

// ticketLife is how long WeChat accepts a verify ticket.
const ticketLife = 12 * time.Hour

// ErrNoTicket is what TicketStore.Ticket returns before the first ticket has come.
var ErrNoTicket = errors.New("no verify ticket has come yet: the platform pushes one every 10 minutes, " +
	"and at once after a call of api_start_push_ticket")

// TicketStore keeps a platform's latest verify ticket: in memory with a MemoryStore,
// in a file that processes share with a FileStore.
//
//	tickets := tcb.TicketStore{In: tcb.FileStore{Path: "ticket"}}
//	events, err := tcb.NewEventHandler(appid, keys, tcb.KeepTickets(tickets))
//	http.Handle("/events", events)
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
