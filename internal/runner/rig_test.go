//go:build unix

package runner_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
	"github.com/opentcb/opentcb/internal/runner"
	"github.com/opentcb/opentcb/internal/testserver"
)

const (
	secret = "the-secret-of-the-test"
	env    = "test-env"
	appid  = "wx00000000000000a1"
)

// function is what the server says of a function, and its code.
type function struct {
	Name        string              `json:"name"`
	Sum         string              `json:"sum"`
	Size        int                 `json:"size"`
	Handler     string              `json:"handler"`
	Timeout     int                 `json:"timeout"`
	Environment []map[string]string `json:"environment"`
}

// rig is a runner, and what stands for its server: the functions that there are.
type rig struct {
	*testing.T
	runner *runner.Runner
	node   runner.Node
	url    string
	code   string // the folder
	log    testserver.Output

	mu        sync.Mutex
	functions map[string]function
	zips      map[string][]byte
	refused   error
	changed   chan struct{}
	changes   int
}

// newRig starts a runner. Where the tests run as root its functions run as nobody.
func newRig(t *testing.T, change func(*runner.Config)) *rig {
	t.Helper()
	node, err := runner.FindNode(t.Context(), testserver.Program(t, "node"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, node: node, functions: map[string]function{}, zips: map[string][]byte{}, changed: make(chan struct{})}
	r.code = openFolder(t)
	cfg := runner.Config{
		Code: r.code, Secret: secret, Node: node, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Environments: []runner.Environment{{
			ID: env,
			Token: func(context.Context) (agent.Token, error) {
				r.mu.Lock()
				defer r.mu.Unlock()
				return agent.Token{Value: "the-token", Life: time.Hour}, agent.Permanent(r.refused)
			},
			Code: agent.CodeConfig{List: r.list, Code: r.zip},
		}},
	}
	if os.Geteuid() == 0 {
		if cfg.User, err = runner.LookUpUser("nobody"); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(&cfg)
	}
	if r.runner, err = runner.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		r.runner.Run(ctx)
		close(ended)
	}()
	srv := httptest.NewServer(r.runner)
	r.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		stop()
		<-ended
		if err := r.runner.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the log:\n%.8000s", r.log.String())
		}
	})
	return r
}

// openFolder returns a temporary folder that every user can pass through.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "runner-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			if e != nil && e.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
		_ = os.RemoveAll(dir)
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "code")
}

func (r *rig) list(ctx context.Context, tag string) (agent.Listing, error) {
	for {
		r.mu.Lock()
		now, changed, refused := fmt.Sprint(r.changes), r.changed, r.refused
		items := []function{}
		for _, f := range r.functions {
			items = append(items, f)
		}
		r.mu.Unlock()
		if refused != nil {
			return agent.Listing{}, agent.Permanent(refused)
		}
		if tag != now {
			text, err := json.Marshal(map[string]any{"items": items, "api_url": "http://api"})
			return agent.Listing{Tag: now, Text: text}, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return agent.Listing{}, ctx.Err()
		}
	}
}

func (r *rig) zip(_ context.Context, _, sum string, w io.Writer) error {
	r.mu.Lock()
	text := r.zips[sum]
	r.mu.Unlock()
	_, err := w.Write(text)
	return err
}

// change changes what the server says, and tells it.
func (r *rig) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	r.changes++
	close(r.changed)
	r.changed = make(chan struct{})
}

// upload gives a function code of that one file, or of those files by name.
func (r *rig) upload(f function, files ...string) {
	r.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if len(files) == 1 {
		files = []string{"index.js", files[0]}
	}
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			r.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		r.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	f.Sum, f.Size = hex.EncodeToString(sum[:]), b.Len()
	if f.Handler == "" {
		f.Handler = "index.main"
	}
	r.change(func() { r.zips[f.Sum], r.functions[f.Name] = b.Bytes(), f })
}

// call has a function run, and returns status and body.
func (r *rig) call(name, event string) (int, string) {
	r.Helper()
	status, body, err := r.try(name, event)
	if err != nil {
		r.Error(err)
	}
	return status, body
}

// get returns what is at a path.
func (r *rig) get(path string) string {
	r.Helper()
	resp, err := calls.Get(r.url + path)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

var calls = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}

func (r *rig) try(name, event string) (int, string, error) {
	req, err := http.NewRequest("POST", r.url+"/invoke/"+env+"/"+name, strings.NewReader(event))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("X-WX-APPID", appid)
	req.Header.Set("X-Opentcb-Rid", "rid-of-"+name)
	req.Header.Set("X-Opentcb-Function-Sum", "any")
	resp, err := calls.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// returns wants a function to return that.
func (r *rig) returns(name, event, want string) {
	r.Helper()
	if status, got := r.call(name, event); status != http.StatusOK || got != want {
		r.Errorf("%s of %.100s: %d %.300s, want %s", name, event, status, got, want)
	}
}

// failed is how a function ended.
type failed struct {
	Error runner.Failure `json:"error"`
}

// fails wants a function to fail in that way, with a message that has a text.
func (r *rig) fails(name, event string, status int, kind, has string) runner.Failure {
	r.Helper()
	got, body := r.call(name, event)
	var f failed
	err := json.Unmarshal([]byte(body), &f)
	if got != status || err != nil || f.Error.Kind != kind || !strings.Contains(f.Error.Message, has) {
		r.Errorf("%s: %d %.300s; want %d, %s and %q", name, got, body, status, kind, has)
	}
	return f.Error
}

// until waits for something to become true.
func (r *rig) until(what string, is func() bool) {
	r.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("it never came that %s", what)
		}
	}
}

// isGone reports whether a process is not there any more.
func isGone(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return errors.Is(err, os.ErrNotExist)
}
