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
