package main

import (
	"errors"
	"fmt"
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
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			out := codeOutput{cmd: cmd, findings: []cloud.CodeFinding{}}
			report, err := c.Collect(cmd.Context(), grace, dry, out.line)
			verb := map[bool]string{true: "would be removed", false: "removed"}[dry]
			return out.end(report, fmt.Sprintf("%d of %d pieces of code %s, %s of %s",
				report.Found, report.Seen, verb, size(report.FoundBytes), size(report.SeenBytes))), err
		})
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only print what would be removed")
	cmd.Flags().DurationVar(&grace, "grace", cloud.DefaultGrace, "how long code that no function uses is kept")
	return cmd
}

func scrubCommand() *cobra.Command {
	return remoteCommand("scrub", "Look for stored code and rows that are damaged or missing",
		`Read all stored code and compare it with its checksum. What does not match, and
what a function uses and is not there, is printed with the functions that use it,
and the exit status is 1. Nothing is changed: upload such code again, or restore it
from a backup. Rows that grant something, and the database itself, are checked
first: what was altered outside of the server is printed in the same way.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			out := codeOutput{cmd: cmd, findings: []cloud.CodeFinding{}}
			report, err := c.Scrub(cmd.Context(), out.line)
			a := out.end(report, fmt.Sprintf("%d pieces of code read, %s: %d damaged or missing",
				report.Seen, size(report.SeenBytes), report.Found))
			if err == nil && report.Found > 0 {
				return answer{}, errors.Join(a.print(cmd), errors.New("code or rows are damaged or missing"))
			}
			return a, err
		})
}

// codeOutput prints findings as they come, or collects them for one JSON value.
type codeOutput struct {
	cmd      *cobra.Command
	findings []cloud.CodeFinding
}

func (o *codeOutput) line(l admin.CodeLine) (err error) {
	switch {
	case asJSON(o.cmd) && l.Finding != nil:
		o.findings = append(o.findings, *l.Finding)
	case asJSON(o.cmd):
	case l.Finding != nil:
		_, err = fmt.Fprintln(o.cmd.OutOrStdout(), findingLine(*l.Finding))
	case l.Progress != nil:
		_, err = fmt.Fprintf(o.cmd.ErrOrStderr(), "%d pieces of code seen, %s\n",
			l.Progress.Seen, size(l.Progress.SeenBytes))
	}
	return err
}

// end returns what is printed after the findings.
func (o *codeOutput) end(report cloud.CodeReport, text string) answer {
	return answer{struct {
		Findings []cloud.CodeFinding `json:"findings"`
		cloud.CodeReport
	}{o.findings, report}, text}
}

func findingLine(f cloud.CodeFinding) string {
	if f.Row != "" {
		return fmt.Sprintf("%s: %s", f.State, f.Row)
	}
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
