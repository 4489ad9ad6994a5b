package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

var somePayload = strings.Repeat("0f", 32)

// UP-3: the token alone leads back to the grant, on any server of the
// installation.
func TestUploadSignature(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload)
	r.ok("UploadSignature", err)
	if g.PayloadHash != somePayload || g.IssuedAt != r.clock.Load()/1000 || !strings.HasPrefix(g.SecretID, "AKID") || g.SecretKey == "" {
		t.Errorf("grant %+v", g)
	}
	opened, again, err := r.cloud.OpenUpload(g.Token, "rid-of-the-upload")
	r.ok("OpenUpload", err)
	if opened != g || again.Platform != platform1 || again.AppID != mini1 || again.RID != "rid-of-the-upload" {
		t.Errorf("opened %+v of %+v", opened, again)
	}
	r.ok("AuthenticateUpload", r.cloud.AuthenticateUpload(t.Context(), again, opened, developer.Sets))

	other, err := r.cloud.UploadSignature(t.Context(), c, strings.Repeat("1", 64))
	r.ok("UploadSignature", err)
	if other.SecretKey == g.SecretKey || other.SecretID == g.SecretID {
		t.Error("two bodies are signed with one secret")
	}
}

func TestUploadSignatureRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	for _, hash := range []string{"", "0", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("0F", 32), strings.Repeat("zz", 32), somePayload + "\n"} {
		_, err := r.cloud.UploadSignature(t.Context(), c, hash)
		r.refused(hash, err, cloud.InvalidArgs)
	}
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload)
	r.ok("UploadSignature", err)
	for _, token := range []string{"", g.Token + "A", g.Token[1:], r.grant(platform1, mini1, 49).AccessToken.Value} {
		_, _, err := r.cloud.OpenUpload(token, "rid")
		r.refused("false token", err, cloud.UploadSignatureInvalid)
	}
}

// UP-5: good for 5 minutes, and while the authorization that it was given
// under is in force with one of the sets.
func TestUploadSignatureEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload)
	r.ok("UploadSignature", err)
	auth := func() error {
		opened, c, err := r.cloud.OpenUpload(g.Token, "rid-of-the-upload")
		r.ok("OpenUpload", err)
		return r.cloud.AuthenticateUpload(r.Context(), c, opened, developer.Sets)
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
