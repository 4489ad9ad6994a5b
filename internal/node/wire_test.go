package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/internal/wirescript"
)

var (
	wireURL  = flag.String("wire-url", "", "play the wire scripts against this address instead of a server of the test's own")
	wireVars = flag.String("wire-vars", "", "file of NAME=VALUE lines: the tokens, accounts and environments to use there")
)

// TestWire plays every wire script. Against a server of its own, each script
// on a fresh one, nothing is left out; against another address, what only the
// server's own machine can do is, and is told.
func TestWire(t *testing.T) {
	scripts, err := wirescript.Load(wirescript.Scripts)
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			play(t, target(t), script)
		})
	}
}

func play(t *testing.T, target wirescript.Target, script wirescript.Script) {
	player := wirescript.NewPlayer(target)
	for _, c := range script.Cases {
		t.Run(c.Title, func(t *testing.T) {
			result := player.PlayCase(script, c)
			switch {
			case result.Err != nil:
				t.Error(result.Err)
			case result.LeftOut != "" && *wireURL == "":
				t.Errorf("left out: %s", result.LeftOut)
			case result.LeftOut != "":
				t.Logf("left out: %s", result.LeftOut)
			}
		})
	}
}

// target is the address that the flags name, or a server of the test's own.
func target(t *testing.T) wirescript.Target {
	if *wireURL == "" {
		return startBench(t).target()
	}
	target := wirescript.Target{URL: *wireURL}
	if *wireVars != "" {
		text, err := os.ReadFile(*wireVars)
		if err != nil {
			t.Fatal(err)
		}
		if target.Vars, err = wirescript.ReadVars(string(text)); err != nil {
			t.Fatal(err)
		}
	}
	return target
}

// upstreamTimeout is short, since tests wait for it, and long enough for a busy
// machine.
const upstreamTimeout = 3 * time.Second

// bench is a server under test and what its own machine can do to it.
type bench struct {
	t        *testing.T
	cfg      node.Config
	node     *node.Node
	upstream *wirescript.Upstream
	offset   atomic.Int64 // of the server's clock, in nanoseconds
	log      testserver.Output
	far      *farStorage // Postgres and a bucket; nil for the embedded ones
}

func startBench(t *testing.T) *bench { return startBenchOn(t, nil) }

func startBenchOn(t *testing.T, far *farStorage, change ...func(*node.Config)) *bench {
	upstream, err := wirescript.StartUpstream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { upstream.Close() })
	b := &bench{t: t, cfg: node.Default(), upstream: upstream, far: far}
	if far != nil {
		b.cfg.Database, b.cfg.Blobs = far.database, far.blobs
	}
	b.cfg.Upstream, b.cfg.Limits.UpstreamTimeout = upstream.URL(), upstreamTimeout
	b.cfg.Runtime, b.cfg.RuntimeSecretFile = upstream.URL(), filepath.Join(t.TempDir(), "runtime-secret")
	if err := os.WriteFile(b.cfg.RuntimeSecretFile, []byte("wire-runtime-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.cfg.Listen, b.cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	b.cfg.Limits.FalseSecrets = 1 << 20 // scripts try many
	b.cfg.Data = filepath.Join(t.TempDir(), "data")
	b.cfg.Log = slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(b.offset.Load())) }
	for _, c := range change {
		c(&b.cfg)
	}
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.node.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) start() (err error) {
	b.node, err = node.Start(context.Background(), b.cfg)
	return err
}

func (b *bench) restart() (string, error) { return b.restartWith(b.upstream.URL()) }

func (b *bench) restartWith(upstream string) (string, error) {
	b.cfg.Upstream = upstream
	if err := b.node.Shutdown(context.Background()); err != nil {
		return "", err
	}
	if err := b.start(); err != nil {
		return "", err
	}
	return b.node.APIURL(), nil
}

func (b *bench) target() wirescript.Target {
	return wirescript.Target{
		URL: b.node.APIURL(), Operator: operator{b}, Restart: b.restart, Upstream: b.upstream,
		Clock: func(d time.Duration) error { b.offset.Add(int64(d)); return nil },
		Peek: map[string]func() ([]byte, error){
			"log":    func() ([]byte, error) { return []byte(b.log.String()), nil },
			"stored": b.stored, "metrics": b.metrics, "audit": b.audit,
		},
	}
}

func (b *bench) admin() *admin.Client {
	return &admin.Client{URL: b.node.AdminURL(), Token: b.node.AdminToken()}
}

// alterCode flips a bit of stored code, as a failing disk does.
func (b *bench) alterCode(sum string) error {
	file := filepath.Join(b.cfg.Data, "code", sum[:2], sum)
	if b.far != nil {
		file = b.far.file(sum)
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var c [1]byte
	_, err = f.ReadAt(c[:], 0)
	c[0] ^= 1
	_, werr := f.WriteAt(c[:], 0)
	return errors.Join(err, werr, f.Close())
}

// stored is every byte of the data folder, but for the files that are secrets
// themselves.
func (b *bench) stored() ([]byte, error) {
	var all []byte
	err := filepath.WalkDir(b.cfg.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "master-key" || d.Name() == node.AdminTokenFile {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	})
	if err == nil && b.far != nil {
		var rows []byte
		rows, err = b.far.rows()
		all = append(all, rows...)
	}
	return all, err
}

func (b *bench) metrics() ([]byte, error) {
	resp, err := http.Get(b.node.AdminURL() + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (b *bench) audit() ([]byte, error) {
	var all []byte
	err := b.admin().Audit(context.Background(), url.Values{}, func(rec cloud.Record) error {
		line, err := json.Marshal(rec)
		all = append(append(all, line...), '\n')
		return err
	})
	return all, err
}

// operator acts through the admin interface.
type operator struct{ *bench }

func (o operator) Apply(text string) error {
	file := filepath.Join(o.t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	read, err := node.ReadWorld(file, func(zip io.Reader) (string, error) {
		added, err := o.admin().AddCode(context.Background(), zip)
		return added.SHA256, err
	})
	if err != nil {
		return err
	}
	_, err = o.admin().Apply(context.Background(), read.Text, read.Code)
	return err
}

func (o operator) Authorize(platform, appid string, sets []int) (string, error) {
	code, err := o.admin().Authorize(context.Background(), platform, appid, sets)
	return code.AuthorizationCode, err
}

func (o operator) Revoke(platform, appid string) error {
	return o.admin().Revoke(context.Background(), platform, appid)
}

func (o operator) Disable(appid string, disabled bool) error {
	ctx := context.Background()
	_, err := o.admin().ChangePlatform(ctx, appid, cloud.PlatformChange{Disabled: cloud.Given(disabled)})
	if r, ok := errors.AsType[*admin.Refusal](err); ok && r.Status == http.StatusNotFound {
		_, err = o.admin().ChangeMiniProgram(ctx, appid, cloud.MiniProgramChange{Disabled: cloud.Given(disabled)})
	}
	return err
}

func (o operator) Ticket(platform string) (string, error) {
	return o.admin().Ticket(context.Background(), platform)
}

func (o operator) Deploy(env, function string, zip []byte) error {
	d := admin.Deployment{Env: env, Function: function}
	code, err := o.admin().Deploy(context.Background(), d, bytes.NewReader(zip))
	if err == nil && len(code.SHA256) != 64 {
		return fmt.Errorf("deploy answered %q", code.SHA256)
	}
	return err
}

func (o operator) CloudbaseToken(env string) (string, error) {
	token, err := o.admin().CloudbaseToken(context.Background(), env)
	return token.Token, err
}
