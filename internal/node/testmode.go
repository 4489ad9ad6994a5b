package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/server"
)

// tests is what only a server in test mode has.
type tests struct {
	clock  *clock.Clock
	begin  clock.Setting // of the clock, at the start and after a reset
	gate   gate
	one    sync.Mutex // whoever shuts the gate
	images *images
	blobs  *imagedBlobs
	bench  *server.Bench
	random map[string]*seeded // by purpose; nil without a seed
	pushed *counts            // with a seed: pushes that told the same
	starts int                // with a seed: how often a server has started on the data folder before
}

// checkTestMode is the part of Check about test mode.
func (c Config) checkTestMode() error {
	switch {
	case c.TestMode && (c.Database != "" || c.Blobs != ""):
		return errors.New("--test-mode needs the database and the code in the data folder, since tests put both back: leave out --database and --blobs")
	case c.Seed != "" && !c.TestMode:
		return errors.New("--seed needs --test-mode: whoever knows it knows every key")
	case c.Seed != "" && !isSeed(c.Seed):
		return errors.New("--seed must be a number of up to 18 digits")
	case c.Clock == "":
		return nil
	case !c.TestMode:
		return errors.New("--clock needs --test-mode")
	}
	if _, err := clock.Parse(c.Clock); err != nil {
		return fmt.Errorf("--clock: %w", err)
	}
	return nil
}

// beginTests makes what test mode has, if it is on.
func (n *Node) beginTests() error {
	if err := n.cfg.checkTestMode(); err != nil || !n.cfg.TestMode {
		return err
	}
	n.cfg.Log.Info("test mode is on: whoever has an admin token can move the clock, and do more that no server for production allows")
	n.tests = &tests{clock: clock.New(clock.Setting{Mode: clock.Real}, n.keepClock), bench: server.NewBench()}
	n.cfg.Now, n.cfg.jumped = n.tests.clock.Now, n.tests.clock.Jumped
	return nil
}

// openTests opens what test mode keeps in the data folder.
func (n *Node) openTests(ctx context.Context) (err error) {
	if err := errors.Join(n.startClock(), n.startSeed()); err != nil {
		return err
	}
	t := n.tests
	t.images, err = openImages(ctx, n.storage.Store, n.storage.data.file(snapshotFolder), n.cfg.Limits.MaxSnapshots)
	if err != nil {
		return err
	}
	t.blobs = &imagedBlobs{n.storage.Blobs, t.images}
	n.storage.Blobs = t.blobs
	lines, err := n.storage.Store.Lines(ctx)
	if err == nil {
		n.storage.Ring.UseLines(lines)
	}
	return err
}

// startClock sets the clock to what the settings say, or else to what it was
// when the server ended.
func (n *Node) startClock() error {
	text := n.cfg.Clock
	n.tests.begin.Mode = clock.Real
	if text == "" {
		kept, err := n.storage.data.readSecret(clockFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("clock: %w", err)
		}
		text = strings.TrimSpace(string(kept))
	}
	setting, err := clock.Parse(text)
	if n.cfg.Clock != "" {
		n.tests.begin = setting
	}
	if err == nil {
		err = n.tests.clock.Set(setting)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: remove it, and the clock is the machine's", n.storage.data.file(clockFile), err)
	}
	return nil
}

// keepClock keeps a setting of the clock for the next start, if there can be one.
func (n *Node) keepClock(s clock.Setting) error {
	if n.cfg.Ephemeral {
		return nil
	}
	return n.storage.data.writeSecret(clockFile, []byte(s.String()+"\n"))
}

// Clock returns the clock that the server goes by; nil outside of test mode.
func (n *Node) Clock() *clock.Clock {
	if n.tests == nil {
		return nil
	}
	return n.tests.clock
}

// bench has faults and journal; nil outside of test mode.
func (n *Node) bench() *server.Bench {
	if n.tests == nil {
		return nil
	}
	return n.tests.bench
}

// testNow is the clock of test mode; nil outside of it.
func (n *Node) testNow() func() time.Time {
	if n.tests == nil {
		return nil
	}
	return n.cfg.Now
}

// testHandlers are those of the interfaces and of the operator in test mode.
// Answers carry the server's clock, and calls wait while it is being put back.
func (n *Node) testHandlers() (calls, operator http.Handler) {
	dated := func(w http.ResponseWriter) {
		w.Header().Set("Date", n.cfg.Now().UTC().Format(http.TimeFormat))
	}
	calls = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.tests.gate.enter()
		defer n.tests.gate.leave()
		dated(w)
		n.stack.Load().server.ServeHTTP(w, r)
	})
	operator = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.stack.Load().admin.ForTests(r) {
			n.tests.gate.enter()
			defer n.tests.gate.leave()
		}
		dated(w)
		n.stack.Load().admin.ServeHTTP(w, r)
	})
	return calls, operator
}

// Data returns the data folder.
func (n *Node) Data() string { return n.storage.data.path }
