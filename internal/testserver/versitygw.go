package testserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	gatewayVersion = "v1.8.0"
	gatewaySource  = "github.com/versity/versitygw/cmd/versitygw@" + gatewayVersion
	// buildTime is how long fetching and building may take, where it is done
	// for the first time.
	buildTime = 8 * time.Minute
)

// gateway returns the path of the S3 server's program, which is built first
// where it is not there yet.
func gateway(t testing.TB) string {
	t.Helper()
	skipShort(t)
	path, err := installGateway()
	if err != nil {
		skip(t, fmt.Sprintf("there is no S3 server to test with: %v", err))
	}
	return path
}

// installGateway builds the program into the user's cache folder, outside our module.
func installGateway() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "opentcb-tools")
	path := filepath.Join(folder, "versitygw-"+gatewayVersion)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(folder, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil { // another built it while we waited
		return path, nil
	}
	return path, buildGateway(folder, path)
}

// buildGateway builds beside path and renames, so that path is never half a program.
func buildGateway(folder, path string) error {
	bin, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", gatewaySource)
	cmd.Dir, cmd.WaitDelay = bin, 5*time.Second
	// Settings for building our tests are not for building this.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GOFLAGS", "GOOS", "GOARCH", "GO111MODULE", "GOWORK"}, name)
	})
	cmd.Env = append(cmd.Env, "GOBIN="+bin, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("go install %s: %w: %s", gatewaySource, err, lines[len(lines)-1])
	}
	return os.Rename(filepath.Join(bin, "versitygw"), path)
}
