//go:build linux

package soaktest

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
)

// serveByClock is the word by which this test binary, started anew, is a
// server whose clock stands where a file says, in Unix milliseconds.
const serveByClock = "serve-by-clock"

// clock is such a file.
type clock struct {
	t    testing.TB
	path string
}

func newClock(t testing.TB) *clock { return &clock{t, filepath.Join(t.TempDir(), "clock")} }

// set sets the clock; the server sees it at once.
func (c *clock) set(now time.Time) {
	c.t.Helper()
	next := c.path + ".next"
	must(c.t, "clock", os.WriteFile(next, []byte(strconv.FormatInt(now.UnixMilli(), 10)), 0o600))
	must(c.t, "clock", os.Rename(next, c.path))
}

// launch starts a server by this clock.
func (c *clock) launch(t testing.TB, l launch) launch {
	t.Helper()
	self, err := os.Executable()
	must(t, "the test binary", err)
	l.binary, l.verb, l.args = self, serveByClock, append(l.args, "--clock", c.path)
	return l
}

// serveByClockOf serves until SIGTERM, by settings like those of opentcb serve,
// and returns the exit status.
func serveByClockOf(args []string) int {
	cfg := node.Default()
	var clock string
	f := flag.NewFlagSet(serveByClock, flag.ContinueOnError)
	for name, to := range map[string]*string{
		"listen": &cfg.Listen, "admin-listen": &cfg.AdminListen, "data": &cfg.Data, "database": &cfg.Database,
		"blobs": &cfg.Blobs, "master-key-file": &cfg.MasterKeyFile, "world": &cfg.World, "clock": &clock,
	} {
		f.StringVar(to, name, *to, "")
	}
	if err := f.Parse(args); err != nil {
		return 2
	}
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg.Now = func() time.Time {
		text, err := os.ReadFile(clock)
		if err != nil {
			panic(err)
		}
		at, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			panic(err)
		}
		return time.UnixMilli(at)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n, err := node.Start(ctx, cfg)
	if err == nil {
		fmt.Printf("ready api=%s admin=%s\n", n.APIURL(), n.AdminURL())
		<-ctx.Done()
		err = n.Shutdown(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
