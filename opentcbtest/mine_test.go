package opentcbtest_test

import (
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
)

func TestMine(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	client := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	key, err := client.GetCodeSecret(t.Context())
	if err != nil || len(key) != 64 {
		t.Fatal(key, err)
	}
	srv.Advance(3 * time.Hour) // tokens expire: does mine renew them?
}

func TestBackend(t *testing.T) {
	const platform, appid = opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	srv := opentcbtest.New(t, opentcbtest.World{})
	mine := &backend{url: srv.URL, access: srv.AccessToken(platform, appid), refresh: srv.RefreshToken(platform, appid)}
	srv.Advance(3 * time.Hour)
	mine.component = srv.AccessToken(platform, "")
	if key, err := mine.codeSecret(); err != nil || len(key) != 64 {
		t.Error(key, err)
	}
}
