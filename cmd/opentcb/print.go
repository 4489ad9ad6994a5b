package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

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
	return printResult(cmd.OutOrStdout(), asJSON(cmd), a.v, a.text)
}

func printResult(w io.Writer, asJSON bool, v any, text string) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	_, err := fmt.Fprintln(w, text)
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
