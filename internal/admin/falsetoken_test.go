package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
)

// lines gathers a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// guesser is a client with another address than the operator's.
func guesser() *http.Client {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	dialer := &net.Dialer{LocalAddr: from}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}}
}

// TestFalseTokens sends thousands of false tokens from one address, as fast as it
// can. The operator elsewhere never notices, nor does a valid token from that
// address; what came stands in record, log and metrics as a count.
//
// Proves: AD-4
func TestFalseTokens(t *testing.T) {
	cfg := node.Default()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Data = filepath.Join(t.TempDir(), "data")
	log := &lines{}
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	n, err := node.Start(t.Context(), cfg)
	must(t, err)
	s := &started{Client: &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}, node: n}
	valid := s.tokenOf(t, "valid", cloud.RoleMonitor)

	const guesses, at = 3000, "/v1/miniprograms"
	client := guesser()
	var statuses sync.Map // how many of each
	ask := func(c *http.Client, token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+at, nil)
		must(t, err)
		req.Header = bearer(token)
		resp, err := c.Do(req)
		if err != nil {
			t.Errorf("%v", err)
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	var guessing sync.WaitGroup
	var sent atomic.Int64
	for range 20 {
		guessing.Go(func() {
			for i := sent.Add(1); i <= guesses; i = sent.Add(1) {
				count, _ := statuses.LoadOrStore(ask(client, fmt.Sprintf("opentcb.valid.%d", i)), new(atomic.Int64))
				count.(*atomic.Int64).Add(1)
			}
		})
	}
	good := 0
	for ; sent.Load() < guesses; good++ {
		if status := ask(http.DefaultClient, s.Token); status != http.StatusOK {
			t.Errorf("the operator: %d", status)
		}
		if status := ask(client, valid); status != http.StatusForbidden { // a monitor's
			t.Errorf("a valid token from the same address: %d", status)
		}
	}
	guessing.Wait()
	how := map[any]int64{}
	statuses.Range(func(status, count any) bool {
		how[status] = count.(*atomic.Int64).Load()
		return true
	})
	t.Logf("%d requests of the operator meanwhile; guesses: %v", good, how)
	if how[401]+how[429] != guesses || how[429] < guesses/2 || how[401] < 10 || good == 0 {
		t.Errorf("guesses were answered %v", how)
	}
	_, text := (&started{Client: s.Client, bad: newChecker(t)}).request(t, "GET", "/metrics", "", nil)
	if want := fmt.Sprintf("\nopentcb_admin_refused_total %d\n", guesses); !strings.Contains(text, want) {
		t.Errorf("/metrics has not%s", want)
	}
	must(t, n.Shutdown(context.Background())) // which ends the minute
	s.node, err = node.Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.node.Shutdown(context.Background())) })
	s.Client = &admin.Client{URL: s.node.AdminURL(), Token: s.node.AdminToken()}
	recorded, counted := 0, 0
	for _, rec := range s.records(t, nil) {
		if rec.Action == "admin" && rec.Target == "127.0.0.2" {
			recorded++
			var more int
			if _, err := fmt.Sscanf(rec.Detail, "%d more in this minute", &more); err == nil {
				counted += more - 1
			}
			counted++
		}
	}
	logged := strings.Count(log.buf.String(), "from=127.0.0.2")
	// The first, and one for each minute, of which there may be some.
	if recorded < 2 || recorded > 12 || logged != recorded || counted != guesses {
		t.Errorf("%d guesses are recorded as %d in %d records, and %d lines of the log", guesses, counted, recorded, logged)
	}
}
