//go:build unix

package agent_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
)

// childFolder tells the test's own binary to keep code in that folder, another version
// at every look.
const childFolder = "AGENT_TEST_FOLDER"

// TestCodeKilled kills a keeper in the midst of replacing code. Whatever was there is
// whole: each link, and each function that the list has. The next keeper removes what
// the killed one left.
//
// Proves: RT-5
func TestCodeKilled(t *testing.T) {
	t.Parallel()
	dir := codeFolder(t)
	link := filepath.Join(dir, "hello")
	for round := range 20 {
		before, _ := os.Readlink(link)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childFolder+"="+dir)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; { // it replaces code
			_, err := os.Stat(filepath.Join(dir, agent.FunctionsFile))
			if now, _ := os.Readlink(link); now != before && err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the child keeps no code")
			}
		}
		time.Sleep(time.Duration(round) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		if _, err := wholeVersion(link); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		var list struct{ Items []struct{ Name, Sum string } }
		text, err := os.ReadFile(filepath.Join(dir, agent.FunctionsFile))
		if err == nil {
			err = json.Unmarshal(text, &list)
		}
		if err != nil || len(list.Items) != 2 {
			t.Fatalf("round %d: the list holds %q, %v", round, text, err)
		}
		for _, f := range list.Items {
			if _, err := wholeVersion(filepath.Join(dir, agent.VersionsFolder, f.Sum)); err != nil {
				t.Errorf("round %d: %s: %v", round, f.Name, err)
			}
		}
	}
	s := newShelf(t, dir)
	s.has(map[string]int{"hello": 9})
	end := s.start()
	s.holds("after the kills", map[string]int{"hello": 9})
	s.versions()
	end()
}
