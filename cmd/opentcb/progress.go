package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows on a terminal how far a long command has come.
type progress struct {
	w     io.Writer // nil if it is no terminal
	step  string
	begun time.Time
	shown time.Time
	wide  int
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{w: f}
}

// at is told how many bytes a step has done.
func (p *progress) at(step string, bytes int64) {
	if p.w == nil {
		return
	}
	now := time.Now()
	if step != p.step {
		p.step, p.begun, p.shown = step, now, time.Time{}
	}
	if now.Sub(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = now
	rate := int64(float64(bytes) / max(0.1, now.Sub(p.begun).Seconds()))
	p.line(fmt.Sprintf("%s: %s, %s/s", step, size(bytes), size(rate)))
}

// of is told how many bytes of how many a step has done; of is -1 if that is
// not known.
func (p *progress) of(step string, done, of int64) {
	if p.w == nil || of <= 0 {
		p.at(step, done)
		return
	}
	now := time.Now()
	if step != p.step {
		p.step, p.begun, p.shown = step, now, time.Time{}
	}
	if now.Sub(p.shown) < 200*time.Millisecond && done < of {
		return
	}
	p.shown = now
	rate := float64(done) / max(0.1, now.Sub(p.begun).Seconds())
	left := time.Duration(float64(of-done) / max(1, rate) * float64(time.Second))
	p.line(fmt.Sprintf("%s: %d %%, %s of %s, %s/s, %v left", step, 100*done/of, size(done), size(of), size(int64(rate)), left.Round(time.Second)))
}

// environments is told how many environments of how many are done, and how
// many of them failed.
func (p *progress) environments(done, of, failed int) {
	if p.w == nil {
		return
	}
	now := time.Now()
	if p.begun.IsZero() {
		p.begun = now
	}
	if now.Sub(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = now
	rate := float64(done) / max(0.1, now.Sub(p.begun).Seconds())
	left := time.Duration(float64(of-done) / max(0.1, rate) * float64(time.Second))
	text := fmt.Sprintf("%d of %d environments, %.0f/s, %v left", done, of, rate, left.Round(time.Second))
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	p.line(text)
}

// line writes over the line before.
func (p *progress) line(text string) {
	fmt.Fprintf(p.w, "\r%-*s", p.wide, text)
	p.wide = len(text)
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil && p.wide > 0 {
		p.line("")
		fmt.Fprint(p.w, "\r")
	}
}

// counting tells of what is written.
func (p *progress) counting(step string, w io.Writer) io.Writer {
	return &counting{w: w, step: step, p: p}
}

type counting struct {
	w    io.Writer
	step string
	n    int64
	p    *progress
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.p.at(c.step, c.n)
	return n, err
}
