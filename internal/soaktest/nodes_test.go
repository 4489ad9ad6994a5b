//go:build linux

package soaktest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/tcb"
)

// nodes are servers that share a database and code storage. Each has a data
// folder of its own; all have one master key.
type nodes struct {
	t               testing.TB
	dir             string
	database, blobs string
	list            []*server
}

// newNodes describes servers; startNode starts them.
func newNodes(t testing.TB, database, blobs string) *nodes {
	t.Helper()
	n := &nodes{t: t, dir: t.TempDir(), database: database, blobs: blobs}
	if blobs == "" {
		n.blobs = "file://" + filepath.Join(n.dir, "code")
	}
	must(t, "master key", os.WriteFile(n.keyFile(), []byte(seal.FormatMasterKey(seal.NewMasterKey())), 0o600))
	return n
}

func (n *nodes) keyFile() string { return filepath.Join(n.dir, "master-key") }

// launch is how the i-th server is started on the shared database, or by
// another way to it.
func (n *nodes) launch(i int, database, world string, args ...string) launch {
	return launch{
		data: filepath.Join(n.dir, fmt.Sprintf("node-%d", i)), world: world,
		args: append([]string{"--database", database, "--blobs", n.blobs, "--master-key-file", n.keyFile()}, args...),
	}
}

// start starts so many servers; the first applies the world.
func (n *nodes) start(many int, world string) *nodes {
	n.t.Helper()
	for i := range many {
		n.list = append(n.list, start(n.t, n.launch(i, n.database, world)))
		world = ""
	}
	return n
}

// on is the client at another server.
func (c *client) on(s *server) *client { return &client{base: s.api, token: c.token, http: c.http} }

// withToken issues a fresh authorizer token for the n-th Mini Program.
func (c *client) withToken(t testing.TB, n int) *client {
	t.Helper()
	token, err := c.newToken(n)
	must(t, "api_authorizer_token", err)
	return c.as(token)
}

// newToken asks for a token with a client of the platform's.
func (c *client) newToken(n int) (string, error) {
	var answer tcb.AuthorizerTokenResponse
	err := c.call("/cgi-bin/component/api_authorizer_token", tcb.AuthorizerTokenRequest{
		ComponentAppID: ptr(platformID), AuthorizerAppID: ptr(appid(n)), AuthorizerRefreshToken: ptr(refresh(n)),
	}, &answer)
	return answer.AuthorizerAccessToken, err
}

// platformClient is a client with the platform's own token.
func platformClient(t testing.TB, s *server) *client {
	anyone := newClient(s.api, "")
	return anyone.as(componentToken(t, s, anyone))
}

// cloudCall makes a cloud call, and returns the errcode.
func (c *client) cloudCall(path, token string) (tcb.Code, error) {
	err := (&client{base: c.base, http: c.http}).callWhole(path+"?cloudbase_access_token="+token, nil)
	if code, ok := refused(err); ok {
		return code, nil
	}
	return tcb.OK, err
}

// callWhole makes a call whose address is whole already.
func (c *client) callWhole(path string, out any) error {
	status, answer, err := c.post(path, nil, []byte("{}"))
	if err != nil {
		return err
	}
	return decode(status, answer, out)
}

// comesTrue waits until something holds.
func comesTrue(t testing.TB, what string, within time.Duration, holds func() error) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		err := holds()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("%s: still not after %v: %v", what, within, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
