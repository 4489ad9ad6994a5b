//go:build linux && soak

package soaktest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// scene is a Patroni cluster to which something happens.
type scene struct {
	t      *testing.T
	p      *testserver.Patroni
	leader *testserver.PatroniNode
	toEtcd *line // of the leader
}

// TestPatroni lets what can befall a Patroni cluster befall one, under 32 clients
// of three servers, of which one goes through HAProxy. Nothing that was answered
// is lost. It says how long no change was answered. It takes many minutes, so
// only the tag soak builds it.
//
// Proves: EN-13, UT-16, UP-6, CS-4, CR-10
func TestPatroni(t *testing.T) {
	t.Setenv("OPENTCB_TEST_ALL", "1") // without its programs it fails: ./servers.sh soak
	p := testserver.NewPatroni(t)
	var toEtcd []*line
	for range 3 {
		toEtcd = append(toEtcd, newLine(t, p.Etcd()))
		p.Add(toEtcd[len(toEtcd)-1].address())
	}
	p.Healthy(t)
	proxy := p.Proxy()
	for i, m := range mishaps {
		t.Run(m.name, func(t *testing.T) {
			leader := p.Healthy(t)
			b, outage := befall(t, p, proxy, fmt.Sprintf("soak%d", i), func() {
				m.do(scene{t, p, leader, toEtcd[leader.Number-1]})
			})
			b.check(t, b.cluster.newcomer())
			b.faults.report(t)
			if outage > mishapTime+15*time.Second {
				t.Errorf("no change was answered for %v", outage)
			}
			t.Logf("no change was answered for %v; lost: %d", outage, len(b.faults.list))
		})
	}
	t.Run("leader frozen for 30 s and not ended", func(t *testing.T) { unwatched(t, p, proxy) })
}

const mishapTime = 30 * time.Second

// mishaps befall a cluster and pass again.
var mishaps = []struct {
	name string
	do   func(s scene)
}{
	{"leader's PostgreSQL killed", func(s scene) { s.leader.KillServer() }},
	{"leader killed", func(s scene) {
		s.leader.Kill()
		time.Sleep(mishapTime)
		s.leader.Manage()
	}},
	{"leader's Patroni killed", func(s scene) {
		s.leader.KillManager()
		time.Sleep(mishapTime)
		s.leader.Manage()
	}},
	{"leader frozen for 10 s, half of its lease", func(s scene) {
		s.leader.Freeze()
		time.Sleep(mishapTime / 3)
		s.leader.Thaw()
	}},
	{"leader frozen for 30 s and ended by a watchdog", func(s scene) {
		s.leader.Freeze()
		time.Sleep(mishapTime)
		s.leader.Kill()
		s.leader.Manage()
	}},
	{"leader switched over", func(s scene) { s.p.Switchover(s.t, s.leader) }},
	{"leader cut from etcd for 30 s", func(s scene) {
		unreachable.begin(s.toEtcd)
		time.Sleep(mishapTime)
		unreachable.end(s.toEtcd)
	}},
	{"etcd frozen for 30 s", func(s scene) {
		s.p.FreezeEtcd()
		time.Sleep(mishapTime)
		s.p.ThawEtcd()
	}},
}

// unwatched freezes the leader for longer than its lease, and nothing ends it: it
// goes on as if it had the lease. Patroni 3.0 with the third version of etcd's
// interface then may take the leader's place back, and what the new leader has
// answered is lost. Servers that saw the new leader do not follow.
func unwatched(t *testing.T, p *testserver.Patroni, proxy string) {
	old := p.Healthy(t)
	b, outage := befall(t, p, proxy, "unwatched", func() {
		old.Freeze()
		time.Sleep(mishapTime)
		old.Thaw()
	})
	for end := time.Now().Add(time.Minute); p.Leader() == nil && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	if p.Leader() != old {
		p.Healthy(t)
		b.check(t, b.cluster.newcomer())
		b.faults.report(t)
		t.Logf("the new leader stayed; no change was answered for %v", outage)
		return
	}
	for i, s := range b.cluster.list {
		status, text, err := newClient(s.api, "").get(s.admin + "/readyz")
		if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(text), "old primary") {
			t.Errorf("server %d uses the old leader: /readyz is %d %s, %v", i, status, text, err)
		}
	}
	b.check(t, b.cluster.newcomer()) // which knows of no other
	t.Logf("the old leader came back, and no server that ran followed; with the new leader were lost: %d", len(b.faults.list))
}

// befall has clients at work before, while and after something happens, and
// returns what they were told and how long no change was answered.
func befall(t *testing.T, p *testserver.Patroni, proxy, database string, happen func()) (*bustle, time.Duration) {
	k := crew{contested: 4, rivals: 3, keys: 24, holders: 6, uploaders: 4, makers: 5, refreshers: 5}
	address := p.Database(t, database)
	hosts := address[strings.Index(address, "@")+1 : strings.LastIndex(address, "/")]
	c := &cluster{nodes: newNodes(t, address, "")}
	world := newWorld(t, k.apps())
	for i, url := range []string{address, address, strings.Replace(address, hosts, proxy, 1)} {
		c.list = append(c.list, start(t, c.launch(i, url, world, "--require-standby")))
		world = ""
	}
	b := newBustle(t, c, k)
	const before, after = 5 * time.Second, 40 * time.Second
	wait := b.work(before + mishapTime + after)
	time.Sleep(before)
	happened := time.Now()
	happen()
	wait()
	t.Logf("%d clients: %v", k.clients(), &b.log)
	return b, b.log.outage(t, happened)
}

// outage returns how long no change was answered after something happened. It
// ends with the last one. Every call must be answered, with -1 at least.
func (l *callLog) outage(t *testing.T, happened time.Time) time.Duration {
	t.Helper()
	var longest time.Duration
	last := happened
	for _, e := range l.ends { // in the order in which they ended
		if unanswered(e.err) && !isBusy(e.err) {
			t.Errorf("%s was not answered: %v", e.what, e.err)
		}
		isChange := e.what == "set" || e.what == "createfunction" || e.what == "upload"
		if e.err == nil && isChange && e.end.After(last) {
			longest, last = max(longest, e.end.Sub(last)), e.end
		}
	}
	return max(longest, time.Since(last)).Round(100 * time.Millisecond)
}
