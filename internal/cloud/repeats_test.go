package cloud_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Whoever has ever held a link or a token can show it for ever. Of each the first
// refusal of a minute is recorded, and the others as a count.
func TestDeadCredentialsAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	c := r.authenticated(g.AccessToken.Value)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	l := r.link(c)
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.clock.Store(r.clock.Load()/60_000*60_000 + 60_000) // a minute begins
	before := len(r.records(""))
	const shown = 500
	for range shown {
		_, err := r.cloud.OpenLink(t.Context(), l.Token, developer.Sets, "rid-of-a-stranger")
		r.refused("link", err, cloud.LinkInvalid)
		who, err := r.cloud.Authenticate(t.Context(), g.AccessToken.Value, developer, "rid-of-a-stranger")
		r.refused("token", r.cloud.Refuse(who, developer.Name, err), cloud.NotAuthorized)
	}
	if n := len(r.records("")) - before; n != 2 {
		t.Errorf("%d records of a link and a token shown %d times, want one of each", n, shown)
	}
	r.sleep(time.Minute)
	recs := r.records("")[before:]
	counts := 0
	for _, rec := range recs {
		if rec.Detail == fmt.Sprint(shown-1, " more in this minute") && rec.Platform == platform1 && rec.AppID == mini1 {
			counts++
		}
	}
	if len(recs) != 4 || counts != 2 {
		t.Errorf("after the minute the record has %+v", recs)
	}
	_, err := r.cloud.OpenLink(t.Context(), l.Token, developer.Sets, "rid-of-a-stranger")
	r.refused("link", err, cloud.LinkInvalid)
	if n := len(r.records("")) - before; n != 5 {
		t.Errorf("%d records in the next minute, want one more than 4", n)
	}
}

// One platform with many dead credentials fills the record as little as one with
// a few.
func TestManyDeadCredentials(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	var tokens []string
	for range 200 {
		r.sleep(time.Second)
		tokens = append(tokens, r.refresh(g))
	}
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.clock.Store(r.clock.Load()/60_000*60_000 + 60_000)
	before := len(r.records(""))
	for range 3 {
		for _, token := range tokens {
			who, err := r.cloud.Authenticate(t.Context(), token, developer, "rid")
			r.refused("token", r.cloud.Refuse(who, developer.Name, err), cloud.NotAuthorized)
		}
	}
	if n := len(r.records("")) - before; n > 65 {
		t.Errorf("%d records of the tokens of one platform in a minute", n)
	}
}
