//go:build unix

package secretfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// TestWhoCanRead refuses what others can read or change. A group of this
// process may read.
//
// Proves: AD-3
func TestWhoCanRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o640: true, 0o440: true,
		0o644: false, 0o666: false, 0o660: false, 0o604: false, 0o602: false, 0o620: false, 0o601: false,
	} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		text, err := secretfile.Read(file)
		if good && (err != nil || string(text) != "secret") {
			t.Errorf("mode %04o: %q, %v", mode, text, err)
		}
		if !good && (err == nil || !strings.Contains(err.Error(), "chmod 600 "+file)) {
			t.Errorf("mode %04o: %v, want the command that mends it", mode, err)
		}
	}
}

// TestOtherOwners refuses a group that is not ours, and a folder of another
// user.
func TestOtherOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte("secret"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, 0, 54321); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Read(file); err == nil {
		t.Error("a file that another group can read is taken")
	}
	if err := os.Chown(dir, 54321, 0); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = secretfile.CheckOwner("the data folder", dir, "--data", info, true)
	if err == nil || !strings.Contains(err.Error(), "--data "+dir+"/opentcb") {
		t.Errorf("a folder of another user: %v, want a folder that can be given", err)
	}
}

// TestWriteFollowsNoLink replaces a link, and leaves alone what it leads to.
func TestWriteFollowsNoLink(t *testing.T) {
	for _, write := range []func(*os.Root, string, []byte) error{secretfile.Write, secretfile.Replace} {
		testFollowsNoLink(t, write)
	}
}

func testFollowsNoLink(t *testing.T, write func(root *os.Root, name string, text []byte) error) {
	t.Helper()
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, "token")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := secretfile.ReadIn(root, "token"); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("a link is read: %v", err)
	}
	if err := write(root, "token", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "precious" {
		t.Errorf("where the link led there is %q, %v", text, err)
	}
	text, err := secretfile.ReadIn(root, "token")
	if err != nil || string(text) != "new" {
		t.Errorf("read back: %q, %v", text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}
