package relay

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/delivery"
	"github.com/opentcb/opentcb/tcb"
)

// Relay receives events, passes them on, and hands out the ticket. New starts it,
// Close ends it.
type Relay struct {
	http.Handler
	platform string
	bearer   [sha256.Size]byte
	targets  []Target
	log      *slog.Logger
	sender   http.RoundTripper

	mu    sync.Mutex
	store *store

	wake    []chan struct{} // of each target
	passing sync.WaitGroup
	stop    context.CancelFunc // takes no more
	abort   context.CancelFunc // ends what is under way
}

// closeTime is how long a relay that ends waits for what it is passing on.
const closeTime = 2 * time.Second

// New starts the relay of a platform, which keeps everything in a folder.
func New(cfg Config, platform, dir string, log *slog.Logger) (*Relay, error) {
	r := &Relay{
		platform: platform, bearer: sha256.Sum256([]byte(cfg.Bearer)), targets: cfg.To, log: log,
		sender: delivery.NewSender(nil),
	}
	receive, err := tcb.NewEventHandler(platform, []tcb.EventKey{cfg.From},
		tcb.OnEvent(r.receive), tcb.OncePerEvent(), tcb.LogTo(log))
	if err != nil {
		return nil, err
	}
	if r.store, err = openStore(dir, cfg.Ring); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/events", receive)
	mux.HandleFunc("GET /ticket", r.known(r.ticket))
	mux.HandleFunc("GET /deliveries", r.known(r.list))
	mux.HandleFunc("POST /deliveries/{id}/again", r.known(r.again))
	r.Handler = mux
	r.addTargets()
	taking, stop := context.WithCancel(context.Background())
	sending, abort := context.WithCancel(context.Background())
	r.stop, r.abort = stop, abort
	for _, t := range r.targets {
		wake := make(chan struct{}, 1)
		r.wake = append(r.wake, wake)
		r.passing.Go(func() { r.pass(taking, sending, t, wake) })
	}
	return r, nil
}

// addTargets has targets that are new get the latest ticket.
func (r *Relay) addTargets() {
	ticket := r.store.latest[tcb.EventTicket]
	for _, t := range r.targets {
		if ticket != nil && ticket.To[t.URL] == nil {
			ticket.To[t.URL] = &outcome{State: waiting, Due: time.Now()}
		}
	}
}

// Close ends the relay. What it has not passed on is passed on after the next start.
func (r *Relay) Close() error {
	r.stop()
	late := time.AfterFunc(closeTime, r.abort)
	r.passing.Wait()
	late.Stop()
	r.abort()
	return r.store.close()
}

// receive stores an event and has it passed on.
func (r *Relay) receive(_ context.Context, e tcb.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.store.add(e, r.targets); err != nil {
		return err
	}
	r.wakeAll()
	return nil
}

func (r *Relay) wakeAll() {
	for _, wake := range r.wake {
		select {
		case wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// known answers only whoever brings the bearer.
func (r *Relay) known(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		bearer, is := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(bearer))
		if !is || subtle.ConstantTimeCompare(sum[:], r.bearer[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "this needs the relay's bearer", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		do(w, req)
	}
}

// ticket answers with the latest ticket.
func (r *Relay) ticket(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	e := r.store.latest[tcb.EventTicket]
	r.mu.Unlock()
	if e == nil {
		http.Error(w, tcb.ErrNoTicket.Error(), http.StatusNotFound)
		return
	}
	writeJSON(w, map[string]any{"component_verify_ticket": e.ComponentVerifyTicket, "create_time": e.CreateTime.Unix()})
}

// listed is a delivery as it is listed: with neither ticket nor code.
type listed struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	AppID string    `json:"appid,omitempty"`
	To    string    `json:"url"`
	outcome
}

// maxListed bounds a list.
const maxListed = 1000

// list answers with the deliveries, the latest first, those of one state if the query
// says so.
func (r *Relay) list(w http.ResponseWriter, req *http.Request) {
	state := req.URL.Query().Get("state")
	all := []listed{}
	r.mu.Lock()
	for i := len(r.store.events) - 1; i >= 0 && len(all) < maxListed; i-- {
		e := r.store.events[i]
		for _, t := range r.targets {
			if e.To[t.URL] == nil || state != "" && r.store.state(e, t.URL) != state {
				continue
			}
			l := listed{e.ID, e.At, e.InfoType, e.AuthorizerAppID, t.URL, *e.To[t.URL]}
			l.State = r.store.state(e, t.URL)
			all = append(all, l)
		}
	}
	r.mu.Unlock()
	writeJSON(w, map[string]any{"deliveries": all})
}

// again has an event passed on again: to all, or to the one that the query names.
func (r *Relay) again(w http.ResponseWriter, req *http.Request) {
	to := req.URL.Query().Get("url")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.store.events {
		if e.ID != req.PathValue("id") {
			continue
		}
		if newer := r.store.latest[e.subject()]; newer != nil && newer != e {
			http.Error(w, "a newer event has followed: this one is not sent again", http.StatusConflict)
			return
		}
		found := false
		for _, t := range r.targets {
			if to == "" || to == t.URL {
				found, e.To[t.URL] = true, &outcome{State: waiting, Due: time.Now()}
			}
		}
		if err := r.store.save(e); err != nil {
			r.log.Error("a delivery cannot be written", "err", err)
			http.Error(w, "it cannot be written", http.StatusInternalServerError)
			return
		}
		if found {
			r.wakeAll()
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.Error(w, "no such delivery", http.StatusNotFound)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
