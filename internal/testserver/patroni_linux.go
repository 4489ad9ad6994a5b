package testserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patroni is a cluster of PostgreSQL servers that Patroni manages, with one etcd
// that has the leader's lease.
type Patroni struct {
	t     testing.TB
	in    programs
	dir   string
	etcd  int // port
	store *exec.Cmd
	Nodes []*PatroniNode
}

// PatroniNode is one server of a cluster, and the Patroni that manages it.
type PatroniNode struct {
	Number     int // from 1 on
	Name       string
	cluster    *Patroni
	manager    *exec.Cmd
	port, rest int
}

// guardPatroni waits on a pipe that this process holds. Then it ends the servers
// whose Patroni may be gone, and removes the folder.
const guardPatroni = `read -r word
for pid in $(head -qn1 "$1"/*/data/postmaster.pid 2>/dev/null); do kill -KILL $pid; done
sleep 1; rm -rf "$1"`

// NewPatroni starts the etcd of a cluster that has no node yet.
func NewPatroni(t testing.TB) *Patroni {
	t.Helper()
	p := &Patroni{t: t, in: find(t), etcd: FreePort(t)}
	var err error
	if p.dir, err = p.in.folder(); err != nil {
		t.Fatal(err)
	}
	guard := exec.Command("/bin/sh", "-c", guardPatroni, "sh", p.dir)
	word, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = word.Close()
		_ = guard.Wait()
	})
	client, peer := address(p.etcd), "http://"+address(FreePort(t))
	p.store = p.run("etcd", Program(t, "etcd"), "--data-dir", filepath.Join(p.dir, "etcd"),
		"--listen-client-urls", "http://"+client, "--advertise-client-urls", "http://"+client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	p.awaitEtcd()
	return p
}

// awaitEtcd waits until etcd has settled on its version. A Patroni that asks
// before ends.
func (p *Patroni) awaitEtcd() {
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res, err := http.Get("http://" + p.Etcd() + "/version")
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if last = string(text); strings.Contains(last, `"etcdcluster"`) && !strings.Contains(last, "not_decided") {
			return
		}
	}
	p.t.Fatalf("etcd does not begin: %s\n%s", last, p.Log("etcd"))
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// Etcd is where the cluster's etcd listens.
func (p *Patroni) Etcd() string { return address(p.etcd) }

// run starts a program, whose output goes to a file, and ends it with the test.
func (p *Patroni) run(name, program string, args ...string) *exec.Cmd {
	p.t.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd := p.in.command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// Log returns the end of what a program of the cluster has written.
func (p *Patroni) Log(name string) string {
	text, _ := os.ReadFile(filepath.Join(p.dir, name+".log"))
	return string(text[max(0, len(text)-4000):])
}

// patroniConfig is a node's: synchronous and strict, with a lease as short as Patroni
// allows.
const patroniConfig = `scope: soak
name: %[1]s
restapi: {listen: '%[2]s', connect_address: '%[2]s'}
etcd3: {hosts: '%[3]s', use_proxies: true}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql: {use_pg_rewind: true}
  initdb: [{encoding: UTF8}, {locale: C}, data-checksums]
  pg_hba:
  - host replication replicator 127.0.0.1/32 trust
  - host all all 127.0.0.1/32 trust
postgresql:
  listen: '%[4]s'
  connect_address: '%[4]s'
  data_dir: '%[5]s/data'
  bin_dir: '%[6]s'
  pgpass: '%[5]s/pgpass'
  authentication:
    replication: {username: replicator, password: x}
    superuser: {username: ` + administrator + `, password: x}
  parameters: {unix_socket_directories: '%[5]s', shared_buffers: 32MB, max_wal_size: 256MB}
watchdog: {mode: 'off'}
`

// Add starts a node, which finds etcd at an address.
func (p *Patroni) Add(etcd string) *PatroniNode {
	p.t.Helper()
	n := &PatroniNode{Number: len(p.Nodes) + 1, cluster: p, port: FreePort(p.t), rest: FreePort(p.t)}
	n.Name = fmt.Sprintf("node%d", n.Number)
	dir := filepath.Join(p.dir, n.Name)
	err := os.Mkdir(dir, 0o755)
	if c := p.in.credential; err == nil && c != nil {
		err = os.Chown(dir, int(c.Uid), int(c.Gid))
	}
	if err == nil {
		text := fmt.Sprintf(patroniConfig, n.Name, address(n.rest), etcd, n.Address(), dir, p.in.bin)
		err = os.WriteFile(n.config(), []byte(text), 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.Nodes = append(p.Nodes, n)
	n.Manage()
	return n
}

func (n *PatroniNode) config() string { return filepath.Join(n.cluster.dir, n.Name+".yml") }

// Address is where the node's PostgreSQL listens.
func (n *PatroniNode) Address() string { return address(n.port) }

// Manage starts the node's Patroni, which starts its PostgreSQL.
func (n *PatroniNode) Manage() {
	n.cluster.t.Helper()
	n.manager = n.cluster.run(n.Name, Program(n.cluster.t, "patroni"), n.config())
}

// server is the node's PostgreSQL.
func (n *PatroniNode) server() *process {
	text, _ := os.ReadFile(filepath.Join(n.cluster.dir, n.Name, "data", "postmaster.pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(text), "\n", 2)[0]))
	return &process{pid: pid}
}

// KillServer kills the node's PostgreSQL.
func (n *PatroniNode) KillServer() { n.server().signal(kill) }

// KillManager kills the node's Patroni. Its PostgreSQL lives on.
func (n *PatroniNode) KillManager() { _ = n.manager.Process.Kill() }

// Kill kills both.
func (n *PatroniNode) Kill() { n.KillManager(); n.KillServer() }

// Freeze halts both where they are.
func (n *PatroniNode) Freeze() {
	_ = n.manager.Process.Signal(freeze)
	n.server().signal(freeze)
}

// Thaw lets both go on.
func (n *PatroniNode) Thaw() {
	n.server().signal(thaw)
	_ = n.manager.Process.Signal(thaw)
}

// FreezeEtcd halts the cluster's etcd.
func (p *Patroni) FreezeEtcd() { _ = p.store.Process.Signal(freeze) }

// ThawEtcd lets it go on.
func (p *Patroni) ThawEtcd() { _ = p.store.Process.Signal(thaw) }

// member is what Patroni says of a node.
type member struct{ Name, Role, State string }

// members asks the nodes until one answers.
func (p *Patroni) members() (list []member) {
	client := http.Client{Timeout: 2 * time.Second}
	for _, n := range p.Nodes {
		res, err := client.Get("http://" + address(n.rest) + "/cluster")
		if err != nil {
			continue
		}
		var answer struct{ Members []member }
		err = json.NewDecoder(res.Body).Decode(&answer)
		_ = res.Body.Close()
		if err == nil {
			return answer.Members
		}
	}
	return nil
}

// Leader returns the node that is the leader, nil if none is.
func (p *Patroni) Leader() *PatroniNode {
	for _, m := range p.members() {
		for _, n := range p.Nodes {
			if m.Role == "leader" && m.Name == n.Name {
				return n
			}
		}
	}
	return nil
}

// Healthy waits until the cluster has a leader, a synchronous standby, and all of
// its nodes run, and returns the leader.
func (p *Patroni) Healthy(t testing.TB) (leader *PatroniNode) {
	t.Helper()
	var list []member
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		list = p.members()
		running, synchronous := 0, 0
		for _, m := range list {
			if m.State == "running" || m.State == "streaming" {
				running++
			}
			if m.Role == "sync_standby" {
				synchronous++
			}
		}
		if leader = p.Leader(); leader != nil && running == len(p.Nodes) && synchronous > 0 {
			return leader
		}
	}
	for _, n := range p.Nodes {
		t.Logf("%s:\n%s", n.Name, p.Log(n.Name))
	}
	t.Fatalf("the cluster is not healthy: %+v", list)
	return nil
}

// Switchover asks for another leader, and returns when there is one.
func (p *Patroni) Switchover(t testing.TB, leader *PatroniNode) {
	t.Helper()
	body := strings.NewReader(`{"leader": "` + leader.Name + `"}`)
	res, err := http.Post("http://"+address(leader.rest)+"/switchover", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("switchover: %s: %s", res.Status, text)
	}
}

// Database makes an empty database on the leader, and returns its URL, in which
// all nodes stand, once each of them has it.
func (p *Patroni) Database(t testing.TB, name string) (url string) {
	t.Helper()
	leader := &Postgres{t: t, port: p.Healthy(t).port}
	if exists, err := leader.ask("SELECT 1 FROM pg_roles WHERE rolname = '" + owner + "'"); err != nil || exists == "" {
		leader.Exec("CREATE ROLE " + owner + " LOGIN PASSWORD '" + Password + "'")
	}
	leader.Exec("CREATE DATABASE " + name + " OWNER " + owner)
	var hosts []string
	for _, n := range p.Nodes {
		hosts = append(hosts, n.Address())
		node, deadline := &Postgres{t: t, port: n.port}, time.Now().Add(time.Minute)
		for time.Now().Before(deadline) {
			if there, _ := node.ask("SELECT 1 FROM pg_database WHERE datname = '" + name + "'"); there != "" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return "postgres://" + owner + ":" + Password + "@" + strings.Join(hosts, ",") + "/" + name
}

// Proxy starts a HAProxy that leads to the leader, and returns its address.
func (p *Patroni) Proxy() string {
	p.t.Helper()
	at := address(FreePort(p.t))
	text := "global\nmaxconn 200\ndefaults\nmode tcp\ntimeout connect 1s\ntimeout client 30m\ntimeout server 30m\n" +
		"timeout check 1s\nlisten leader\nbind " + at + "\n" +
		"option httpchk OPTIONS /primary\nhttp-check expect status 200\n" +
		"default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions\n"
	for _, n := range p.Nodes {
		text += fmt.Sprintf("server %s %s check port %d\n", n.Name, n.Address(), n.rest)
	}
	config := filepath.Join(p.dir, "haproxy.cfg")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.run("haproxy", Program(p.t, "haproxy"), "-db", "-f", config)
	return at
}
