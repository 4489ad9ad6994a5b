package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestProgress: a terminal is told how far it is, how fast and how long it will
// take; what is no terminal is told nothing.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := &progress{w: &b}
	p.bytesOf("uploading", 0, 100<<20)
	p.begun = time.Now().Add(-10 * time.Second)
	p.shown = time.Time{}
	p.bytesOf("uploading", 25<<20, 100<<20)
	if want := "uploading: 25 %, 25.0 MiB of 100.0 MiB, 2.5 MiB/s, 30s left"; !strings.Contains(b.String(), want) {
		t.Errorf("%q has no %q", b.String(), want)
	}
	p.end()
	if !strings.HasSuffix(b.String(), " \r") {
		t.Errorf("the line stays: %q", b.String())
	}

	b.Reset()
	p = &progress{w: &b, step: "environments", begun: time.Now().Add(-10 * time.Second)}
	p.environments(2500, 10_000, 3)
	if want := "2500 of 10000 environments, 250/s, 30s left, 3 failed"; !strings.Contains(b.String(), want) {
		t.Errorf("%q has no %q", b.String(), want)
	}

	for _, w := range []interface{ Write([]byte) (int, error) }{&b, file(t)} {
		b.Reset()
		p := newProgress(w)
		p.bytesOf("uploading", 1, 2)
		p.environments(1, 2, 0)
		p.end()
		if b.Len() > 0 {
			t.Errorf("%T was told %q", w, b.String())
		}
	}
}

// TestTerminals: the null device is none, whose questions nobody would answer; the
// terminals of Linux are.
func TestTerminals(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if p := newProgress(null); p.w != nil {
		t.Error("the null device is told how far it is")
	}
	stdin := os.Stdin
	t.Cleanup(func() { os.Stdin = stdin })
	os.Stdin = null
	if err := confirm(&cobra.Command{}, "Remove it?"); !strings.Contains(err.Error(), "Without a terminal, say so with --yes") {
		t.Errorf("the null device was asked: %v", err)
	}
	if terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err == nil {
		defer terminal.Close()
		if p := newProgress(terminal); p.w == nil && runtime.GOOS == "linux" {
			t.Error("a terminal is told nothing")
		}
	}
}

func file(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if info, err := f.Stat(); err != nil || info.Size() > 0 {
			t.Errorf("the file was told something: %v", err)
		}
		f.Close()
	})
	return f
}
