//go:build linux

package soaktest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// TestRemovalKilled kills the server again and again while a platform with many
// authorizations is removed: the platform stays disabled, what is counted is there,
// and the removal goes on to its end.
// Proves: OP-7
func TestRemovalKilled(t *testing.T) {
	const platform, many = "wx00000000000000cc", 5000
	l := launch{data: filepath.Join(t.TempDir(), "data")}
	s := start(t, l)
	var file, grants strings.Builder
	fmt.Fprintf(&file, "platforms:\n  - {appid: %s, secret: s3cret-of-the-platform}\nminiprograms:\n", platform)
	grants.WriteString("authorizations:\n")
	for i := range many {
		fmt.Fprintf(&file, "  - {appid: wx%016x}\n", 1<<40+i)
		fmt.Fprintf(&grants, "  - {platform: %s, appid: wx%016x, permission_sets: [49]}\n", platform, 1<<40+i)
	}
	if _, err := s.operator().Apply(t.Context(), []byte(file.String()+grants.String()), nil); err != nil {
		t.Fatal(err)
	}
	all, kills := cloud.RemovalOptions{Cascade: true}, 0
	for left := int64(many); ; {
		done := make(chan bool, 1)
		go func(operator *admin.Client) {
			r, err := operator.RemovePlatform(t.Context(), platform, all)
			done <- err == nil && r.Done
		}(s.operator())
		select {
		case <-time.After(rand.N(50 * time.Millisecond)):
		case isDone := <-done:
			if isDone {
				t.Logf("removed after %d kills", kills)
				_, err := s.operator().Platform(t.Context(), platform)
				if err == nil {
					t.Error("it is still there")
				}
				return
			}
		}
		s.kill()
		kills++
		s = start(t, l)
		p, err := s.operator().Platform(t.Context(), platform)
		if err != nil { // the kill came after the end, and before the answer
			t.Logf("removed after %d kills: %v", kills, err)
			return
		}
		begun := p.Counts.Authorizations < many
		if p.Disabled != p.Removing || begun && !p.Removing || p.Counts.Authorizations > left {
			t.Errorf("after a kill: %+v, with %d before", p, left)
		}
		left = p.Counts.Authorizations
	}
}
