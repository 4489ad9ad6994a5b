package cloud_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// protected is a rig in which platform1 has uploaded a function "first", and a
// link to it.
func protected(t *testing.T) (*rig, cloud.Caller, cloud.Link) {
	t.Helper()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	return r, c, r.link(c)
}

func (r *rig) link(c cloud.Caller) cloud.Link {
	r.Helper()
	link, err := r.cloud.DownloadFunction(r.Context(), c, env1, "first")
	r.ok("DownloadFunction", err)
	r.keep(link.Token)
	return link
}

func (r *rig) dead(what string, link cloud.Link) {
	r.Helper()
	code, err := r.cloud.OpenLink(r.Context(), link.Token, developer.Sets, "rid")
	if err == nil {
		code.Close()
	}
	r.refused(what, err, cloud.LinkInvalid)
}

// DF-2: the bytes that were uploaded, under their checksum.
func TestLinkGivesTheBytes(t *testing.T) {
	t.Parallel()
	r, _, link := protected(t)
	if want := sumOf(zipOf(t, "protected")); link.Checksum != want || r.follow(link) != want {
		t.Errorf("checksum %s, bytes of %s; want %s", link.Checksum, r.follow(link), want)
	}
	code, err := r.cloud.OpenLink(t.Context(), link.Token, developer.Sets, "rid")
	r.ok("OpenLink", err)
	defer code.Close()
	if code.Function != "first" || code.Checksum != link.Checksum {
		t.Errorf("code of %s, %s", code.Function, code.Checksum)
	}
}

// DF-3 to DF-6.
func TestDownloadRefusals(t *testing.T) {
	t.Parallel()
	r, c, _ := protected(t)
	other := r.caller(platform2, mini1)
	r.create(c, "empty")
	r.deploy("merchants", "the merchant's own")
	for name, d := range map[string]struct {
		c         cloud.Caller
		env, name string
		want      cloud.Kind
	}{
		"another platform's code":    {other, env1, "first", cloud.NotCodeOwner},
		"the merchant's own":         {c, env1, "merchants", cloud.NotCodeOwner},
		"no code yet":                {c, env1, "empty", cloud.NotCodeOwner},
		"no such function":           {c, env1, "nowhere", cloud.FunctionNotFound},
		"in another environment":     {c, env2, "first", cloud.FunctionNotFound},
		"no such environment":        {c, "env-nowhere", "first", cloud.EnvironmentNotFound},
		"another account's":          {c, envOther, "first", cloud.EnvironmentNotFound},
		"through another account":    {r.caller(platform1, mini2), env1, "first", cloud.EnvironmentNotFound},
		"a name that can never be":   {c, env1, "../first", cloud.FunctionNotFound},
		"an environment without any": {c, "", "", cloud.EnvironmentNotFound},
	} {
		link, err := r.cloud.DownloadFunction(t.Context(), d.c, d.env, d.name)
		r.refused(name, err, d.want)
		if link != (cloud.Link{}) {
			t.Errorf("%s: refused, with a link", name)
		}
	}
	r.ok("upload by the other (DF-5)", r.upload(other, "first", "the other's"))
	_, err := r.cloud.DownloadFunction(t.Context(), c, env1, "first")
	r.refused("once another has uploaded", err, cloud.NotCodeOwner)
	_, err = r.cloud.DownloadFunction(t.Context(), other, env1, "first")
	r.ok("by the other", err)
}

// DF-8.
func TestLinkExpires(t *testing.T) {
	t.Parallel()
	r, _, link := protected(t)
	r.sleep(10*time.Minute - time.Millisecond)
	if r.follow(link) != link.Checksum {
		t.Error("a link died before its 10 minutes")
	}
	r.sleep(time.Millisecond)
	r.dead("after 10 minutes", link)
}

// DF-8: altered in any character, a link is false.
func TestAlteredLink(t *testing.T) {
	t.Parallel()
	r, _, link := protected(t)
	for i := range link.Token {
		c := byte('A')
		if link.Token[i] == 'A' {
			c = 'B'
		}
		r.dead("altered", cloud.Link{Token: link.Token[:i] + string(c) + link.Token[i+1:]})
	}
	for _, token := range []string{"", link.Token + "A", link.Token[1:], link.Token[:len(link.Token)-1]} {
		r.dead("cut or longer", cloud.Link{Token: token})
	}
	other := newRig(t)
	other.dead("another server's", link)
}

// DF-10: a link dies with what it was given under, at once and for good.
func TestLinkDies(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(r *rig, c cloud.Caller){
		"authorization cancelled": func(r *rig, _ cloud.Caller) {
			r.ok("Revoke", r.cloud.Revoke(r.Context(), r.operator(), platform1, mini1))
		},
		"cancelled and given again": func(r *rig, _ cloud.Caller) {
			r.ok("Revoke", r.cloud.Revoke(r.Context(), r.operator(), platform1, mini1))
			r.authorize(platform1, mini1, 49)
		},
		"another platform's upload": func(r *rig, _ cloud.Caller) {
			r.ok("upload", r.upload(r.caller(platform2, mini1), "first", "the other's"))
		},
		"the other uploads the same bytes": func(r *rig, _ cloud.Caller) {
			r.ok("upload", r.upload(r.caller(platform2, mini1), "first", "protected"))
		},
		"the owner comes back with the same bytes": func(r *rig, c cloud.Caller) {
			r.deploy("first", "the merchant's own")
			r.ok("upload", r.upload(c, "first", "protected"))
		},
		"the merchant's own deploy": func(r *rig, _ cloud.Caller) { r.deploy("first", "the merchant's own") },
	} {
		t.Run(name, func(t *testing.T) {
			r, c, link := protected(t)
			if r.follow(link) != link.Checksum {
				t.Fatal("the link does not work")
			}
			kill(r, c)
			r.dead(name, link)
		})
	}
}

// What does not concern a link leaves it alive: its own platform's next upload
// too, since the bytes that it names are still there.
func TestLinkLives(t *testing.T) {
	t.Parallel()
	r, c, link := protected(t)
	other := r.caller(platform2, mini1)
	r.create(c, "second")
	r.ok("upload", r.upload(other, "second", "the other's"))
	r.ok("Revoke of the other", r.cloud.Revoke(t.Context(), r.operator(), platform2, mini1))
	r.authorize(platform1, mini1, 64)
	if r.follow(link) != link.Checksum {
		t.Error("a link died of what does not concern it")
	}
	r.ok("upload", r.upload(c, "first", "protected anew"))
	if r.follow(link) != link.Checksum {
		t.Error("a link gives other bytes than its checksum names, or none")
	}
	if next := r.link(c); next.Checksum == link.Checksum || r.follow(next) != next.Checksum {
		t.Error("a new link does not lead to the new code")
	}
}

// DF-11: code whose bytes changed, or are gone, is a fault of the server, and
// no byte of it is given.
func TestDamagedCode(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct {
		do   func(string) error
		want error
	}{
		"altered": {func(file string) error {
			if err := os.Chmod(file, 0o600); err != nil {
				return err
			}
			return os.WriteFile(file, []byte("altered"), 0o600)
		}, blob.ErrCorrupt},
		"gone": {os.Remove, blob.ErrNotFound},
	} {
		r, _, link := protected(t)
		r.ok("damage", damage.do(filepath.Join(r.folder, "code", link.Checksum[:2], link.Checksum)))
		code, err := r.cloud.OpenLink(t.Context(), link.Token, developer.Sets, "rid")
		if err == nil {
			code.Close()
		}
		r.refused(name, err, cloud.Internal)
		if !errors.Is(err, damage.want) {
			t.Errorf("%s: %v, want %v", name, err, damage.want)
		}
		if recs := r.records("download"); len(recs) != 1 || recs[0].Code != cloud.Internal.Code() {
			t.Errorf("%s: recorded as %v", name, recs)
		}
	}
}

// DF-10 under load: once Revoke has returned no link is followed any more.
func TestLinkCoherence(t *testing.T) {
	t.Parallel()
	r, c, _ := protected(t)
	for range 10 {
		link := r.link(c)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				r.follow(link)
			}
		}()
		r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
		r.dead("after Revoke", link)
		stop()
		<-ended
		c = r.caller(platform1, mini1)
	}
}
