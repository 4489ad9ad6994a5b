package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// answer is what a command prints: v as JSON if the flag --json is given, and
// text if it is not. Nothing is printed if v is nil.
type answer struct {
	v    any
	text string
}

func (a answer) print(cmd *cobra.Command) error {
	if a.v == nil {
		return nil
	}
	if asJSON(cmd) {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		return e.Encode(a.v)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), a.text)
	return err
}

func jsonFlag(cmd *cobra.Command) { cmd.Flags().Bool("json", false, "print one JSON value") }

// asJSON reports whether --json was given.
func asJSON(cmd *cobra.Command) bool {
	is, _ := cmd.Flags().GetBool("json")
	return is
}

// size writes a number of bytes for a person: 1.5 MiB.
func size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// moment writes a time in Unix milliseconds.
func moment(at int64) string { return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z") }

// many writes a number of things: 1 piece, 2 pieces.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// progress shows on a terminal how far a long command has come.
type progress struct {
	w     io.Writer // nil if it is no terminal
	step  string    // what is shown
	begun time.Time // when the step began
	shown time.Time // when it was last shown
	wide  int       // width of the line
}

// newProgress returns a progress that shows on w if w is a terminal, and
// nothing otherwise.
func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &progress{w: f}
	}
	return &progress{}
}

// due reports whether a step is to be shown now, and the seconds since it began.
// The last state of a step is always shown.
func (p *progress) due(step string, last bool) (seconds float64, due bool) {
	now := time.Now()
	if step != p.step {
		p.step, p.begun, p.shown = step, now, time.Time{}
	}
	if p.w == nil || !last && now.Sub(p.shown) < 200*time.Millisecond {
		return 0, false
	}
	p.shown = now
	return max(0.1, now.Sub(p.begun).Seconds()), true
}

// bytes shows how many bytes a step has done.
func (p *progress) bytes(step string, done int64) {
	if seconds, due := p.due(step, false); due {
		p.line(fmt.Sprintf("%s: %s, %s/s", step, size(done), size(int64(float64(done)/seconds))))
	}
}

// bytesOf shows how many bytes of how many a step has done; of is -1 if that is
// not known.
func (p *progress) bytesOf(step string, done, of int64) {
	if of <= 0 {
		p.bytes(step, done)
		return
	}
	if seconds, due := p.due(step, done >= of); due {
		rate := float64(done) / seconds
		p.line(fmt.Sprintf("%s: %d %%, %s of %s, %s/s, %v left",
			step, 100*done/of, size(done), size(of), size(int64(rate)), timeLeft(float64(of-done), rate)))
	}
}

// environments shows how many environments of how many are done, and how many
// of those failed.
func (p *progress) environments(done, of, failed int) {
	seconds, due := p.due("environments", false)
	if !due {
		return
	}
	rate := float64(done) / seconds
	text := fmt.Sprintf("%d of %d environments, %.0f/s, %v left", done, of, rate, timeLeft(float64(of-done), rate))
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	p.line(text)
}

// timeLeft returns how long the rest takes at a rate a second.
func timeLeft(rest, rate float64) time.Duration {
	return time.Duration(rest / max(0.1, rate) * float64(time.Second)).Round(time.Second)
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

// counting returns a writer to w that shows how much is written.
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
	c.p.bytes(c.step, c.n)
	return n, err
}
