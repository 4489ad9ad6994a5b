//go:build unix

package agent_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
)

// childFile tells the test's own binary to be an agent of that file, which
// renews without a pause.
const childFile = "AGENT_TEST_FILE"

func TestMain(m *testing.M) {
	if file := os.Getenv(fullFile); file != "" {
		if err := beFull(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if file := os.Getenv(childFile); file != "" {
		n := 0
		err := agent.Run(context.Background(), agent.Config{
			Out: file,
			Fetch: func(context.Context) (agent.Token, error) {
				n++
				return agent.Token{Value: whole(n), Life: time.Hour}, nil
			},
			After: func(time.Duration) <-chan time.Time { return time.After(time.Microsecond) },
		})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if dir := os.Getenv(childFolder); dir != "" {
		// Versions are made and removed all the time.
		fmt.Fprintln(os.Stderr, keepBusy(context.Background(), dir, 0, time.Millisecond))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// whole is a token whose parts can be told to belong together.
func whole(n int) string { return strings.Repeat(fmt.Sprintf("%08d-", n), 40) }

func isWhole(text string) bool { return len(text) == 360 && text == strings.Repeat(text[:9], 40) }

// TestKilled kills an agent in the midst of renewals. Whoever reads the file
// meanwhile sees a whole token, and what the killed left is removed.
//
// Proves: CC-6
func TestKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	reads := 0
	for round := range 20 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childFile+"="+file)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(time.Duration(20+7*round) * time.Millisecond)
		for time.Now().Before(deadline) || reads == 0 {
			text, err := os.ReadFile(file)
			if os.IsNotExist(err) && reads == 0 {
				continue
			}
			info, statErr := os.Stat(file)
			if err != nil || statErr != nil || !isWhole(string(text)) || info.Mode() != 0o600 {
				t.Fatalf("read %q, %v, %v, %v", text, err, statErr, info.Mode())
			}
			reads++
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
	}
	d := newDesk(t, file)
	d.start()
	d.pausing()
	d.holds("token-1")
	_ = d.end()
	if reads < 1000 {
		t.Errorf("the file was read %d times only", reads)
	}
}
