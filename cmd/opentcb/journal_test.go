package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/opentcbtest"
)

// runAgainst runs a command against a server, and returns status and both outputs.
func runAgainst(ctx context.Context, srv *opentcbtest.Server, args ...string) (int, string, string) {
	var stdout, stderr bytes.Buffer
	status := run(ctx, append(args, "--admin", srv.AdminURL, "--admin-token", srv.AdminToken), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// called calls an interface without a token.
func called(t *testing.T, srv *opentcbtest.Server) {
	t.Helper()
	resp, err := http.Post(srv.URL+"/tcb/getcodesecret", "application/json", strings.NewReader("{}"))
	if err == nil {
		err = resp.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestJournalCommands: what comes is printed, waited for and written as an archive; the
// status reports whether what was waited for came.
//
// Proves: JN-4
func TestJournalCommands(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	called(t, srv)
	of := []string{"--interface", "getcodesecret"}
	status, out, _ := runAgainst(t.Context(), srv, append([]string{"journal"}, of...)...)
	if status != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("journal: %d %s", status, out)
	}
	status, _, stderr := runAgainst(t.Context(), srv, "journal", "wait", "--interface", "getcodesecrets")
	if status != 1 || !strings.Contains(stderr, "did you mean getcodesecret?") {
		t.Errorf("an interface that is none: %d %s", status, stderr)
	}
	wait := append([]string{"journal", "wait", "--count", "2"}, of...)
	status, _, stderr = runAgainst(t.Context(), srv, append(wait, "--timeout", "10ms")...)
	if status != 1 || !strings.Contains(stderr, "1 of 2 calls came within 10ms") {
		t.Errorf("wait in vain: %d %s", status, stderr)
	}
	called(t, srv)
	status, out, stderr = runAgainst(t.Context(), srv, append(wait, "--timeout", "1m")...)
	if status != 0 || strings.Count(out, "refused 41001") != 2 {
		t.Errorf("wait: %d %s%s", status, out, stderr)
	}
	if status, out, _ := runAgainst(t.Context(), srv, "journal", "har", "-"); status != 0 || !json.Valid([]byte(out)) {
		t.Errorf("har: %d %s", status, out)
	}
}

// TestJournalFollow prints what is there and what comes, until it is interrupted.
//
// Proves: JN-4
func TestJournalFollow(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	called(t, srv)
	ctx, interrupt := context.WithCancel(t.Context())
	printed, to := io.Pipe()
	ended := make(chan int)
	go func() {
		args := []string{"journal", "-f", "--errcode", "41001", "--admin", srv.AdminURL, "--admin-token", srv.AdminToken}
		ended <- run(ctx, args, to, io.Discard)
	}()
	lines := bufio.NewScanner(printed)
	for n := range 3 {
		if !lines.Scan() || !strings.Contains(lines.Text(), "getcodesecret refused 41001") {
			t.Errorf("line %d: %q", n, lines.Text())
		}
		called(t, srv)
	}
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	interrupt()
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
}
