package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

const cancelledWorld = `
platforms: [{appid: wx00000000000000c1, secret: s}]
miniprograms: [{appid: wx00000000000000a1}]
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [49], refresh_token: refreshtoken@@@leaked}
`

// CR-9: a restart with the world file does not give again what was cancelled, and
// says so; the operator's apply does, without the refresh token that was voided.
func TestRestartGivesNothingAgain(t *testing.T) {
	b := startBench(t)
	b.cfg.World = filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(b.cfg.World, []byte(cancelledWorld), 0o600); err != nil {
		t.Fatal(err)
	}
	restart := func() {
		t.Helper()
		if _, err := b.restart(); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	const platform, mini = "wx00000000000000c1", "wx00000000000000a1"
	if err := b.admin().Revoke(t.Context(), platform, mini); err != nil {
		t.Fatal(err)
	}
	restart()
	if err := b.admin().Revoke(t.Context(), platform, mini); err == nil {
		t.Fatal("the cancelled authorization was in force after a restart")
	}
	if !strings.Contains(b.log.String(), "it was cancelled, and is not given again") {
		t.Error("the log of the start says nothing of it")
	}
	applied, err := b.admin().ApplyWith(t.Context(), []byte(cancelledWorld), nil, cloud.ApplyOptions{Regrant: true})
	if err != nil {
		t.Fatal(err)
	}
	again := cloud.Applied{Item: "authorization " + platform + " " + mini, Change: "given again"}
	if len(applied.Changes) != 1 || applied.Changes[0] != again ||
		len(applied.NotApplied) != 1 || !strings.Contains(applied.NotApplied[0].Change, "voided") {
		t.Errorf("%+v", applied)
	}
}
