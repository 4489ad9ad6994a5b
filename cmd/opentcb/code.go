package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func gcCommand() *cobra.Command {
	var dry bool
	var grace time.Duration
	cmd := remoteCommand("gc", "Remove stored code that no function uses",
		`Remove stored code that no function uses: what was replaced, or was uploaded and
never taken into use. Code stays for the grace after it was last uploaded, in use
or replaced. Safe beside uploads, on any server of a deployment.`,
		cobra.ExactArgs(0), func(cmd *cobra.Command, r *remote, c *admin.Client, _ []string) error {
			out := codeOutput{w: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), asJSON: r.json}
			report, err := c.Collect(cmd.Context(), grace, dry, out.line)
			if err != nil {
				return err
			}
			verb := map[bool]string{true: "would be removed", false: "removed"}[dry]
			return out.end(report, fmt.Sprintf("%d of %d pieces of code %s, %s of %s",
				report.Found, report.Seen, verb, size(report.FoundBytes), size(report.SeenBytes)))
		})
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only print what would be removed")
	cmd.Flags().DurationVar(&grace, "grace", cloud.DefaultGrace, "how long code that no function uses is kept")
	return cmd
}

func scrubCommand() *cobra.Command {
	return remoteCommand("scrub", "Read all stored code and print what is damaged or missing",
		`Read all stored code and compare it with its checksum. What does not match, and
what a function uses and is not there, is printed with the functions that use it,
and the exit status is 1. Nothing is changed: upload such code again, or restore it
from a backup.`,
		cobra.ExactArgs(0), func(cmd *cobra.Command, r *remote, c *admin.Client, _ []string) error {
			out := codeOutput{w: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), asJSON: r.json}
			report, err := c.Scrub(cmd.Context(), out.line)
			if err != nil {
				return err
			}
			err = out.end(report, fmt.Sprintf("%d pieces of code read, %s: %d damaged or missing",
				report.Seen, size(report.SeenBytes), report.Found))
			if err != nil {
				return err
			}
			if report.Found > 0 {
				return errors.New("code is damaged or missing")
			}
			return nil
		})
}

// codeOutput prints findings as they come, or all as one JSON value.
type codeOutput struct {
	w, progress io.Writer
	asJSON      bool
	findings    []cloud.CodeFinding
}

func (o *codeOutput) line(l admin.CodeLine) error {
	switch {
	case l.Progress != nil && !o.asJSON:
		_, err := fmt.Fprintf(o.progress, "%d pieces of code seen, %s\n", l.Progress.Seen, size(l.Progress.SeenBytes))
		return err
	case l.Finding == nil:
		return nil
	case o.asJSON:
		o.findings = append(o.findings, *l.Finding)
		return nil
	}
	_, err := fmt.Fprintln(o.w, findingLine(*l.Finding))
	return err
}

func (o *codeOutput) end(report cloud.CodeReport, text string) error {
	if !o.asJSON {
		_, err := fmt.Fprintln(o.w, text)
		return err
	}
	if o.findings == nil {
		o.findings = []cloud.CodeFinding{}
	}
	return json.NewEncoder(o.w).Encode(struct {
		Findings []cloud.CodeFinding `json:"findings"`
		cloud.CodeReport
	}{o.findings, report})
}

func findingLine(f cloud.CodeFinding) string {
	line := fmt.Sprintf("%s %s %s", f.State, f.Sum, size(f.Size))
	var users []string
	for _, u := range f.Users {
		users = append(users, fmt.Sprintf("%s of %s (%s)", u.Function, u.Env, u.Account))
	}
	if len(users) > 0 {
		line += ": " + strings.Join(users, ", ")
	}
	return line
}
