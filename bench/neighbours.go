package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// neighbourWorld is two platforms with a Mini Program each. The first makes the
// calls that are measured; the second is at its limits.
const neighbourWorld = `platforms:
  - {appid: wx00000000000000c1, secret: s, verify_ticket: ticket@@@1}
  - {appid: wx00000000000000c2, secret: s, verify_ticket: ticket@@@2}
miniprograms: [{appid: wx00000000000000a1}, {appid: wx00000000000000a2}]
environments: [{id: good-env, appid: wx00000000000000a1}, {id: bad-env, appid: wx00000000000000a2}]
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [18, 49], refresh_token: refreshtoken@@@1}
  - {platform: wx00000000000000c2, appid: wx00000000000000a2, permission_sets: [18, 49], refresh_token: refreshtoken@@@2}
functions: [{env: good-env, name: code}, {env: bad-env, name: code}]
`

// What the good platform does meanwhile: calls at a constant rate, and uploads.
const (
	neighbourRate        = 1000 // calls per second
	neighbourConnections = 50
	uploadEvery          = 200 * time.Millisecond
	uploadSize           = 50_000
)

// trouble is what neighbours do, in a process of their own.
type trouble struct {
	name, role string
	orders     any
	p50, p99   row // beside them, against a calm time
	uploads    row // that were refused
}

// neighbours measures what a good platform feels of others, each time against a
// calm time just before. The server has both cores, as everybody else here: its
// limits leave one of them to calls.
func neighbours(s *session) ([]row, error) {
	if s.control {
		return nil, nil
	}
	if err := os.WriteFile(s.path("neighbours.yaml"), []byte(neighbourWorld), 0o600); err != nil {
		return nil, err
	}
	server, err := startServerAt(s.ctx, anyCPU, s.log, nil, s.binary, "serve", "--listen", "127.0.0.1:0",
		"--admin-listen", "127.0.0.1:0", "--data", s.path("neighbours"), "--world", s.path("neighbours.yaml"), "--link-ttl", "1s")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	good, err := neighbourClient(s.ctx, server.api, 1)
	if err != nil {
		return nil, err
	}
	if err := writeTargets(s.path("good"), []target{{Token: string(good.Tokens.(tcb.StaticToken)), Env: "good-env"}}); err != nil {
		return nil, err
	}
	all := []trouble{
		{name: "2,000 slow strangers", role: "strangers", orders: strangerOrders{Address: server.api}},
		{name: "2,000 fast strangers", role: "strangers", orders: strangerOrders{Address: server.api, Fast: true}},
		{name: "a platform at its limits", role: "siege", orders: siegeOrders{Address: server.api}},
	}
	for i := range all {
		all[i].nameRows()
	}
	for pair := range s.pairs {
		for i := range all {
			if err := s.beside(server, good, &all[i], pair); err != nil {
				return nil, fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
	}
	var rows []row
	for _, t := range all {
		rows = append(rows, t.p50, t.p99, t.uploads)
	}
	return rows, nil
}

// nameRows names the rows, and sets what is wanted of them.
func (t *trouble) nameRows() {
	t.p50 = row{Name: "p50 beside " + t.name, Figure: ratio, Unit: "ms", Goal: goal{"<=", 1.5}}
	t.p99 = row{Name: "p99 beside " + t.name, Figure: ratio, Unit: "ms"}
	if t.role == "strangers" {
		t.p99.Goal = goal{"<=", 2}
	}
	t.uploads = row{Name: "uploads beside " + t.name, Figure: difference, Unit: "refused", Goal: goal{"<=", 0}}
}

// beside measures a calm time, and then one beside the trouble.
func (s *session) beside(server *server, good *tcb.Client, t *trouble, pair int) error {
	calm, calmRefused, err := s.goodWork(server, good, pair)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	neighbour, err := startServerAt(s.ctx, anyCPU, s.log, t.orders, self, t.role)
	if err != nil {
		return err
	}
	beside, refused, err := s.goodWork(server, good, pair)
	if stopped := neighbour.stop(); neighbour.cmd.ProcessState.Exited() {
		return fmt.Errorf("it ended by itself: %w", stopped)
	}
	t.p50.add(milliseconds(beside.P50), milliseconds(calm.P50))
	t.p99.add(milliseconds(beside.P99), milliseconds(calm.P99))
	t.uploads.add(float64(refused), float64(calmRefused))
	s.progress("%s %d/%d: calm %s; beside %s; uploads refused: %d", t.name, pair+1, s.pairs, calm, beside, refused)
	return err
}

// goodWork makes calls and uploads for a while, and returns how many uploads were
// refused.
func (s *session) goodWork(server *server, good *tcb.Client, seed int) (loadReport, int, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan int)
	go func() {
		refused := 0
		for n := uint64(0); ctx.Err() == nil; n++ {
			if err := uploadRandom(ctx, good, "good-env", n); err != nil && ctx.Err() == nil {
				s.progress("an upload: %v", err)
				refused++
			}
			select {
			case <-ctx.Done():
			case <-time.After(uploadEvery):
			}
		}
		ended <- refused
	}()
	orders := s.orders(getcodesecret, server, seed)
	orders.Targets, orders.Connections, orders.PerSecond = s.path("good"), neighbourConnections, neighbourRate
	report, err := runRole[loadReport](s.ctx, anyCPU, "load", orders)
	cancel()
	return report, <-ended, err
}

// neighbourClient returns a client of the n-th platform.
func neighbourClient(ctx context.Context, address string, n int) (*tcb.Client, error) {
	platform, account := fmt.Sprintf("wx00000000000000c%d", n), fmt.Sprintf("wx00000000000000a%d", n)
	c := &tcb.Client{BaseURL: "http://" + address}
	component, err := c.ComponentToken(ctx, platform, "s", fmt.Sprintf("ticket@@@%d", n))
	if err != nil {
		return nil, err
	}
	c.Tokens = tcb.StaticToken(component.ComponentAccessToken)
	authorizer, err := c.AuthorizerToken(ctx, platform, account, fmt.Sprintf("refreshtoken@@@%d", n))
	if err != nil {
		return nil, err
	}
	c.Tokens = tcb.StaticToken(authorizer.AuthorizerAccessToken)
	return c, nil
}
