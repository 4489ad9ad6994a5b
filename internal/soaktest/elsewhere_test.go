//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// TestDisabledElsewhere disables and removes on one server what callers use on another:
// each use ends there within a second, and comes back once it is enabled.
//
// Proves: OP-6, OP-7, UT-15
func TestDisabledElsewhere(t *testing.T) {
	n := newNodes(t, testserver.StartPostgres(t).Database(), "").start(2, newWorld(t, 4))
	a, b := n.list[0], n.list[1]
	platform := platformClient(t, a)
	all := []string{"call", "link", "upload", "cloud call", "runtime"}
	platforms := []string{"call", "link", "upload"}
	for _, step := range []struct {
		mini         int
		change, undo []string
		ends         []string
	}{
		{0, []string{"platform", "disable", platformID}, []string{"platform", "enable", platformID}, platforms},
		{0, []string{"miniprogram", "disable", appid(0)}, []string{"miniprogram", "enable", appid(0)}, all},
		{0, []string{"function", "remove", envid(0, 0), "used", "--yes"}, nil, []string{"link", "upload"}},
		{1, []string{"environment", "remove", envid(1, 0), "--yes"}, nil, all[1:]},
		{2, []string{"miniprogram", "remove", appid(2), "--yes"}, nil, all},
		{3, []string{"platform", "remove", platformID, "--yes"}, nil, platforms},
	} {
		t.Run(strings.Join(step.change[:2], " "), func(t *testing.T) {
			u := newUses(t, a, b, platform.withToken(t, step.mini), envid(step.mini, 0))
			for name, use := range u.all {
				must(t, name+" before", use())
			}
			a.cli(step.change...)
			changed := time.Now()
			last := map[string]time.Duration{}
			for ; time.Since(changed) < staleAtMost+500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
				for _, name := range step.ends {
					if sent := time.Since(changed); u.all[name]() == nil {
						last[name] = sent
					}
				}
			}
			for _, name := range step.ends {
				if last[name] >= staleAtMost {
					t.Errorf("%s: good on the other server %v later", name, last[name])
				}
			}
			if step.undo != nil {
				a.cli(step.undo...)
				for name, use := range u.all {
					comesTrue(t, name+" on the other server again", time.Minute, use)
				}
			}
		})
	}
}

// uses is what callers do with a function and its environment on one server. Each use
// returns nil if it was allowed.
type uses struct {
	all     map[string]func() error
	uploads []signedUpload // made in advance
}

type signedUpload struct {
	header http.Header
	body   []byte
}

// manyUploads are more than a second and a half has time for, and some for the return.
const manyUploads = 150

// newUses prepares on server a what is then used on server b.
func newUses(t *testing.T, a, b *server, c *client, env string) *uses {
	t.Helper()
	a.cli("environment", "set", env, "--open=true", "--allow", "/wxa/*")
	key, err := c.on(a).codeSecret()
	must(t, "key", err)
	if have, err := c.on(a).functions(env); err != nil || !have["used"] {
		must(t, "createfunction", c.on(a).createFunction(env, "used"))
	}
	must(t, "upload", c.on(a).upload(env, "used", key, newZip(1, 1000)))
	link, _, err := c.on(a).link(env, "used")
	must(t, "link", err)
	link = strings.Replace(link, a.api, b.api, 1)
	token := strings.TrimSpace(a.cli("token", "cloudbase", env))
	credential := strings.TrimSpace(a.cli("env-credential", env))
	u := &uses{}
	for i := range manyUploads {
		body := uploadBody(env, "used", key, newZip(uint64(i), 1000))
		header, err := c.on(b).sign(body)
		must(t, "signature", err)
		u.uploads = append(u.uploads, signedUpload{header, body})
	}
	u.all = map[string]func() error{
		"call": func() error { _, err := c.on(b).codeSecret(); return err },
		"link": func() error {
			status, _, err := c.get(link)
			return allowed(status, err)
		},
		"upload": func() error {
			if len(u.uploads) == 0 {
				return fmt.Errorf("no signed upload is left")
			}
			next := u.uploads[0]
			u.uploads = u.uploads[1:]
			return c.on(b).send(next.header, next.body)
		},
		"cloud call": func() error {
			code, err := c.on(b).cloudCall("/wxa/one", token)
			if err == nil && code != tcb.OK {
				err = fmt.Errorf("errcode %d", code)
			}
			return err
		},
		"runtime": func() error { return allowed(b.tokenFor(credential, env)) },
	}
	return u
}

func allowed(status int, err error) error {
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return err
}

// tokenFor asks for a cloudbase_access_token as a runtime does.
func (s *server) tokenFor(credential, env string) (status int, err error) {
	req, err := http.NewRequest("POST", s.admin+"/v1/environments/"+env+"/token", bytes.NewReader(nil))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
