package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
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
