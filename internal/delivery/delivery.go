package delivery

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// Config is what a Worker works with. Cloud, Log and Registry are required.
type Config struct {
	Cloud    *cloud.Service
	Log      *slog.Logger
	Registry prometheus.Registerer
	Roots    *x509.CertPool // of addresses that speak TLS; default: the machine's
	// Jumped returns a channel that is closed when the service's clock is moved, by
	// which tickets are due; default: nobody moves it.
	Jumped func() <-chan struct{}
	// OneByOne has one push under way at a time, so that their order is the same each
	// time.
	OneByOne bool
	// In test mode: what is injected, and where pushes are written down.
	Faults  *inject.Rules
	Journal *journal.Journal
}

// Worker delivers pushes. New starts it, Close ends it.
type Worker struct {
	cloud  *cloud.Service
	log    *slog.Logger
	jumped func() <-chan struct{}
	// oneByOne is Config.OneByOne: others wait for the one place then, and none is cut.
	oneByOne bool
	sender   *http.Transport

	faults  *inject.Rules // nil outside of test mode, as is the next
	journal *journal.Journal

	pushes *prometheus.CounterVec

	mu      sync.Mutex
	under   cloud.UnderWay
	count   atomic.Int64  // of pushes under way, for whoever must not wait
	freed   chan struct{} // a push has ended
	sending sync.WaitGroup

	stop  context.CancelFunc // takes no more
	abort context.CancelFunc // ends what is under way
	done  chan struct{}
}

const (
	// lookPause is how often it is looked for what is due without anybody saying so:
	// tries and tickets whose time has come, and what another server left (PU-13).
	lookPause = time.Second
	// faultPause is how long the store is left alone when it could not be read.
	faultPause = 5 * time.Second
	// prunePause is how often old pushes are forgotten.
	prunePause = time.Hour
	// closeTime is how long a server that ends waits for pushes under way.
	closeTime = 2 * time.Second
	// crowdTime is how long a push may be under way where all places are taken, so that
	// what is due meanwhile begins within two seconds, lookPause included.
	crowdTime = 750 * time.Millisecond
	// takeTime is how long it may take to find what is due.
	takeTime = 10 * time.Second
)

// New starts a worker.
func New(cfg Config) *Worker {
	if cfg.Jumped == nil {
		cfg.Jumped = func() <-chan struct{} { return nil }
	}
	w := &Worker{
		cloud: cfg.Cloud, log: cfg.Log, jumped: cfg.Jumped, oneByOne: cfg.OneByOne, sender: NewSender(cfg.Roots),
		faults: cfg.Faults, journal: cfg.Journal,
		under: cloud.UnderWay{Addresses: map[string]int{}}, freed: make(chan struct{}, 1), done: make(chan struct{}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opentcb_pushes_total", Help: "Tries to push an event or a ticket, by kind and by how they ended.",
		}, []string{"kind", "result"}),
	}
	if w.oneByOne {
		w.under.Lanes[cloud.Answering] = cloud.MaxPushes - 1 // places that nobody gives back
	}
	limit := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "opentcb_pushes_under_way_limit", Help: "How many pushes may be under way.",
	})
	limit.Set(cloud.MaxPushes)
	cfg.Registry.MustRegister(w.pushes, limit, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "opentcb_pushes_under_way", Help: "Pushes under way.",
	}, func() float64 { return float64(w.count.Load()) }))
	taking, stop := context.WithCancel(context.Background())
	sending, abort := context.WithCancel(context.Background())
	w.stop, w.abort = stop, abort
	go w.run(taking, sending)
	return w
}

// Close takes no more pushes, and gives those under way a moment. Those that it has
// to leave are tried again at the next start.
func (w *Worker) Close() {
	w.stop()
	<-w.done
	ended := make(chan struct{})
	go func() { w.sending.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(closeTime):
		w.abort()
		<-ended
	}
	w.abort()
	w.sender.CloseIdleConnections()
}

func (w *Worker) run(ctx, sending context.Context) {
	defer close(w.done)
	var pruned time.Time // not yet: a server may end within the hour, again and again
	for ctx.Err() == nil {
		jumped := w.jumped()
		pause := lookPause
		if err := w.look(ctx, sending); err != nil && ctx.Err() == nil {
			w.log.Error("what is to be pushed cannot be read", "err", err)
			pause = faultPause
		}
		if time.Since(pruned) > prunePause {
			pruned = time.Now()
			if err := w.cloud.PrunePushes(ctx); err != nil && ctx.Err() == nil {
				w.log.Error("old pushes cannot be deleted", "err", err)
			}
		}
		w.wait(ctx, jumped, pause)
	}
}

// wait waits until there may be something to do.
func (w *Worker) wait(ctx context.Context, jumped <-chan struct{}, pause time.Duration) {
	late := time.NewTimer(pause)
	defer late.Stop()
	select {
	case <-ctx.Done():
	case <-jumped:
	case <-w.cloud.PushesDue():
	case <-w.freed:
	case <-late.C:
	}
}

// look starts all that is due and has room.
func (w *Worker) look(ctx, sending context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	err := w.cloud.RecordDueTickets(ctx)
	w.mu.Lock()
	begun := time.Now()
	taken, errTake := w.cloud.TakePushes(ctx, &w.under)
	w.mu.Unlock()
	w.count.Add(int64(len(taken)))
	for _, p := range taken {
		w.sending.Go(func() { w.deliver(sending, p, begun.Add(cloud.PushTime)) })
	}
	return errors.Join(err, errTake)
}

// deliver sends one push and says how that ended. What is not sent by the deadline
// another server takes.
func (w *Worker) deliver(sending context.Context, p cloud.Push, deadline time.Time) {
	defer func() {
		w.mu.Lock()
		w.under.Add(p, -1)
		w.mu.Unlock()
		w.count.Add(-1)
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}()
	ctx, cancel := context.WithDeadline(sending, deadline)
	defer cancel()
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	if p.Lane != cloud.Failing && !w.oneByOne {
		go w.makeRoom(ctx, p.Lane, cut)
	}
	d := w.try(ctx, p)
	d.Slow = context.Cause(ctx) == errCrowded
	if sending.Err() != nil && !d.OK {
		d.Ours, d.Fault = true, "the server ended meanwhile"
	}
	w.tell(p, d)
	// How it ended is written though the server ends.
	written, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTime)
	defer cancel()
	if err := w.cloud.EndPush(written, p, d); err != nil {
		w.log.Error("how a push ended cannot be written: it is sent again", "platform", p.Platform, "push", p.ID, "err", err)
	}
}

// errCrowded is the end of a push whose place others need.
var errCrowded = fmt.Errorf("no answer within %v, while others waited for its place", crowdTime)

// makeRoom ends a push once it had its time and has one of the places of its lane of
// which none is left. It is tried again among those that fail, with all the time of
// PU-10.
func (w *Worker) makeRoom(ctx context.Context, lane cloud.Lane, cut context.CancelCauseFunc) {
	tick := time.NewTicker(crowdTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		room := w.under.Room(lane)
		w.mu.Unlock()
		if room <= 0 {
			cut(errCrowded)
			return
		}
	}
}

// try makes and sends the letter.
func (w *Worker) try(ctx context.Context, p cloud.Push) cloud.Delivered {
	if w.faults != nil {
		return w.tryInjected(ctx, p)
	}
	letter, d := w.letter(ctx, p, false)
	if letter.URL == "" {
		return d
	}
	return Send(ctx, w.sender, letter)
}

// letter makes the letter of a push, or says why there is none. A spoiled one cannot
// be decrypted.
func (w *Worker) letter(ctx context.Context, p cloud.Push, spoiled bool) (cloud.Letter, cloud.Delivered) {
	make := w.cloud.Letter
	if spoiled {
		make = w.cloud.SpoiledLetter
	}
	letter, err := make(ctx, p)
	switch {
	case errors.Is(err, cloud.ErrNoPush):
		return cloud.Letter{}, cloud.Delivered{Fault: err.Error(), Ours: true, NoUse: true}
	case err != nil:
		w.log.Error("a push cannot be made", "platform", p.Platform, "push", p.ID, "kind", p.Kind, "err", err)
		return cloud.Letter{}, cloud.Delivered{Fault: "it could not be made: the log says why", Ours: true}
	}
	return letter, cloud.Delivered{}
}

// tell counts how a try ended, and logs what the operator should know: that an
// address begins to fail, or answers again.
func (w *Worker) tell(p cloud.Push, d cloud.Delivered) {
	result := map[bool]string{true: "delivered", false: "failed"}[d.OK]
	w.pushes.WithLabelValues(p.Kind, result).Inc()
	args := []any{"platform", p.Platform, "url", p.URL, "kind", p.Kind, "push", p.ID, "status", d.Status, "fault", d.Fault}
	switch {
	case !d.OK && !d.Ours && p.Lane != cloud.Failing:
		w.log.Warn("an event address does not take what is pushed to it", args...)
	case d.OK && p.Lane == cloud.Failing:
		w.log.Info("an event address takes pushes again", args...)
	default:
		w.log.Debug("pushed", args...)
	}
}
