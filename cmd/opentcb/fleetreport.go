package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/fleet"
)

// printReport prints what differs, was changed or failed, and a summary.
func (f *fleetFlags) printReport(cmd *cobra.Command, r *fleet.Report) error {
	f.bar.end()
	if f.json {
		return f.print(cmd.OutOrStdout(), r, "")
	}
	printResults(cmd.OutOrStdout(), r.Results)
	_, err := fmt.Fprintln(cmd.OutOrStdout(), summary(r))
	return err
}

func printResults(w io.Writer, results []fleet.Result) {
	for _, res := range results {
		fmt.Fprintf(w, "%s %s %s\n", res.AppID, res.Env, res.Outcome)
		for _, c := range res.Changes {
			fmt.Fprintln(w, "  "+c.String())
		}
		if res.Error != "" {
			fmt.Fprintln(w, "  "+res.Error)
		}
	}
}

// summary writes a report in a line.
func summary(r *fleet.Report) string {
	parts := []string{}
	for _, p := range []struct {
		n    int
		what string
	}{
		{r.Before, "done before"}, {r.Same, "as wanted"}, {r.Changed, "changed"},
		{r.Differ, "differ"}, {r.Failed, "failed"}, {r.Left, "left"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	text := fmt.Sprintf("%s: %s", many(r.Total, "environment"), strings.Join(parts, ", "))
	if r.Stopped == context.Canceled.Error() {
		return text + " (interrupted)"
	}
	if r.Stopped != "" {
		return text + " (" + r.Stopped + ")"
	}
	return text
}

// notAll returns err, or else an error if the run did not leave all as wanted.
func notAll(err error, r *fleet.Report) error {
	if err != nil || r.AllDone() {
		return err
	}
	return statusError{errors.New(summary(r)), statusNotAll}
}
