package node_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// TestRuntimeWaitsOnEachServer changes a function through each of two servers while
// runtimes wait at both. Those of one environment may be only so many.
//
// Proves: RT-2
func TestRuntimeWaitsOnEachServer(t *testing.T) {
	b := startBenchOn(t, newFarStorage(t, testserver.StartS3(t)))
	b.cfg.PublicURL, b.cfg.Limits.RuntimeWaits = "http://api.example.org", 2
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	if err := (operator{b}).Apply(oneWorld); err != nil {
		t.Fatal(err)
	}
	cfg := b.cfg
	key, err := os.ReadFile(filepath.Join(cfg.Data, "master-key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.MasterKey = filepath.Join(t.TempDir(), "data"), strings.TrimSpace(string(key))
	n, err := node.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	servers := []*admin.Client{b.admin(), {URL: n.AdminURL(), Token: n.AdminToken()}}
	_, tag, err := servers[0].Runtime(t.Context(), "env-one", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, server := range servers {
		answers := make(chan *admin.Runtime, 2*len(servers))
		for _, s := range slices.Repeat(servers, 2) { // as many as may wait
			go func() {
				list, _, err := s.Runtime(t.Context(), "env-one", tag, 30*time.Second)
				if err != nil {
					t.Error(err)
				}
				answers <- list
			}()
		}
		zip := testZip(t, "exports.main = () => "+strings.Repeat("1", i+1))
		deployed, err := server.Deploy(t.Context(), admin.Deployment{Env: "env-one", Function: "hello"}, bytes.NewReader(zip))
		if err != nil {
			t.Fatal(err)
		}
		for range cap(answers) {
			if list := <-answers; list == nil || list.Items[0].Sum != deployed.SHA256 {
				t.Fatalf("through server %d: %+v, want %s", i, list, deployed.SHA256)
			}
		}
		if _, tag, err = server.Runtime(t.Context(), "env-one", "", 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRuntimeCodeIsWhole: altered code does not arrive whole at a runtime.
//
// Proves: RT-3
func TestRuntimeCodeIsWhole(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		b.clients()
		c := b.admin()
		deployed, err := c.Deploy(t.Context(), admin.Deployment{Env: "env-one", Function: "hello"},
			bytes.NewReader(testZip(t, "exports.main = () => 1")))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.alterCode(deployed.SHA256); err != nil {
			t.Fatal(err)
		}
		if err := c.RuntimeCode(t.Context(), "env-one", "hello", deployed.SHA256, io.Discard); err == nil {
			t.Error("altered code arrived whole")
		}
	})
}

// TestRuntimeCodeStaysWhole: code that is altered while it is sent does not arrive whole.
//
// Proves: RT-3
func TestRuntimeCodeStaysWhole(t *testing.T) {
	b := startBench(t)
	b.clients()
	c := b.admin()
	text := make([]byte, 8<<20) // more than fits into what is on its way
	rand.Read(text)
	deployed, err := c.Deploy(t.Context(), admin.Deployment{Env: "env-one", Function: "hello"},
		bytes.NewReader(testZip(t, string(text))))
	if err != nil {
		t.Fatal(err)
	}
	alter := sync.OnceValue(func() error { return b.alterCode(deployed.SHA256) })
	read := 0
	err = c.RuntimeCode(t.Context(), "env-one", "hello", deployed.SHA256, writing(func(p []byte) (int, error) {
		read += len(p)
		return len(p), alter()
	}))
	if err == nil || read < 1 || read > 8<<20 {
		t.Errorf("code that was altered meanwhile: %d bytes, %v", read, err)
	}
}

type writing func(p []byte) (int, error)

// Write calls the function.
func (w writing) Write(p []byte) (int, error) { return w(p) }

// testZip returns a zip of an index.js.
func testZip(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("index.js")
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestConfiguredFunction: what a function's configuration says of its process is at its
// runtime with the next list, values included. The operator sees keys, and no record has
// a value.
//
// Proves: FC-1, FC-4, RT-2
func TestConfiguredFunction(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		_, developer := b.clients()
		c := b.admin()
		_, err := c.Deploy(ctx, admin.Deployment{Env: "env-one", Function: "hello"}, bytes.NewReader(testZip(t, "1")))
		if err != nil {
			t.Fatal(err)
		}
		_, tag, err := c.Runtime(ctx, "env-one", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan *admin.Runtime, 1)
		go func() {
			list, _, err := c.Runtime(ctx, "env-one", tag, 30*time.Second)
			if err != nil {
				t.Error(err)
			}
			answer <- list
		}()
		err = errors.Join(
			developer.UploadFuncConfig(ctx, "env-one", "hello", tcb.FuncConfigProcess,
				`{"timeout":7,"environment":[{"key":"KEY","value":"a-value-of-a-variable"}]}`),
			developer.UploadFuncConfig(ctx, "env-one", "hello", tcb.FuncConfigAPIs, `{"permissions":{"openapi":["wxacode.get"]}}`),
			developer.UploadFuncConfig(ctx, "env-one", "hello", tcb.FuncConfigTriggers,
				`{"triggers":[{"name":"daily","type":"timer","config":"0 0 2 * * * *"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		want := []cloud.Variable{{Key: "KEY", Value: "a-value-of-a-variable"}}
		list := <-answer
		if list == nil || list.Items[0].Timeout != 7 || !slices.Equal(list.Items[0].Environment, want) {
			t.Errorf("the runtime has %+v", list)
		}
		shown, err := c.Function(ctx, "env-one", "hello")
		if err != nil || shown.Timeout != 7 || !slices.Equal(shown.Environment, []string{"KEY"}) ||
			!slices.Equal(shown.APIs, []string{"wxacode.get"}) || len(shown.Triggers) != 1 {
			t.Errorf("the operator sees %+v, %v", shown, err)
		}
		if err := c.Functions(ctx, "env-one", func(f cloud.FunctionView) error {
			if !slices.Equal(f.Environment, []string{"KEY"}) {
				t.Errorf("the list has %+v", f)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		audit, err := b.audit()
		if err != nil || !bytes.Contains(audit, []byte(`"detail":"type 3"`)) {
			t.Errorf("no record of the configuration: %v", err)
		}
		stored, err := b.stored()
		if err != nil {
			t.Error(err)
		}
		metrics, err := b.metrics()
		if err != nil {
			t.Error(err)
		}
		for what, text := range map[string][]byte{
			"storage": stored, "audit": audit, "metrics": metrics, "log": []byte(b.log.String()),
		} {
			if bytes.Contains(text, []byte("a-value-of-a-variable")) {
				t.Errorf("the value of a variable is in the %s", what)
			}
		}
	})
}
