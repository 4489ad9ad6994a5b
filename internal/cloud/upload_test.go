package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opentcb/opentcb/internal/cloud"
)

var (
	somePayload = strings.Repeat("0f", 32)
	someHeaders = cloud.UploadHeaders{Host: "tcb.example", ContentType: "application/json"}
)

// UP-3: the token alone leads back to the grant, on any server of the
// installation.
func TestUploadSignature(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload, someHeaders)
	r.ok("UploadSignature", err)
	if g.PayloadHash != somePayload || g.IssuedAt != r.clock.Load()/1000 ||
		!strings.HasPrefix(g.SecretID, "AKID") || g.SecretKey == "" {
		t.Errorf("grant %+v", g)
	}
	up, err := r.cloud.OpenUpload(g.Token, developer.Sets, "rid-of-the-upload")
	r.ok("OpenUpload", err)
	want := cloud.Caller{Platform: platform1, AppID: mini1, RID: "rid-of-the-upload", Now: r.clock.Load()}
	if up.UploadGrant != g || !cmp.Equal(up.Caller, want, cmpopts.IgnoreUnexported(cloud.Caller{})) {
		t.Errorf("opened %+v of %+v", up.UploadGrant, up.Caller)
	}
	r.ok("AuthenticateUpload", r.cloud.AuthenticateUpload(t.Context(), up))

	other, err := r.cloud.UploadSignature(t.Context(), c, strings.Repeat("1", 64), someHeaders)
	r.ok("UploadSignature", err)
	if other.SecretKey == g.SecretKey || other.SecretID == g.SecretID {
		t.Error("two bodies are signed with one secret")
	}
}

func TestUploadSignatureRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	long := someHeaders
	long.Host = strings.Repeat("h", 201)
	_, err := r.cloud.UploadSignature(t.Context(), c, somePayload, long)
	r.refused("a long host", err, cloud.InvalidArgs)
	long.Host = long.Host[1:]
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload, long)
	r.ok("UploadSignature", err)
	up, err := r.cloud.OpenUpload(g.Token, developer.Sets, "rid")
	r.ok("the longest host", err)
	if up.UploadHeaders != long {
		t.Errorf("the token carries %+v", up.UploadHeaders)
	}
	for _, hash := range []string{
		"", "0", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("0F", 32), strings.Repeat("zz", 32),
		somePayload + "\n",
	} {
		_, err := r.cloud.UploadSignature(t.Context(), c, hash, someHeaders)
		r.refused(hash, err, cloud.InvalidArgs)
	}
	for _, token := range []string{"", g.Token + "A", g.Token[1:], r.grant(platform1, mini1, 49).AccessToken.Value} {
		_, err := r.cloud.OpenUpload(token, developer.Sets, "rid")
		r.refused("invalid token", err, cloud.UploadSignatureInvalid)
	}
}

// UP-5: good for 5 minutes, and while the authorization that it was given
// under is in force with one of the sets.
func TestUploadSignatureEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload, someHeaders)
	r.ok("UploadSignature", err)
	auth := func() error {
		up, err := r.cloud.OpenUpload(g.Token, developer.Sets, "rid-of-the-upload")
		r.ok("OpenUpload", err)
		return r.cloud.AuthenticateUpload(r.Context(), up)
	}
	r.sleep(5 * time.Minute)
	r.ok("5 minutes old", auth())
	r.sleep(time.Second)
	r.refused("over 5 minutes old", auth(), cloud.UploadSignatureExpired)
	r.sleep(-time.Minute)
	r.authorize(platform1, mini1, 18)
	r.refused("set taken away", auth(), cloud.MissingPermission)
	r.authorize(platform1, mini1, 64)
	r.ok("other set", auth())
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.refused("cancelled", auth(), cloud.NotAuthorized)
	r.authorize(platform1, mini1, 49)
	r.refused("cancelled and given again", auth(), cloud.NotAuthorized)
}
