package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func statusCommand() *cobra.Command {
	return remoteCommand("status", "Print how a running server is",
		`Print a running server's version, what it keeps its data in, how much that is, and
when it was backed up last. What is counted and measured is of some minutes ago at most;
of very much, longer: the time is printed with it.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			st, err := c.Status(cmd.Context())
			return answer{st, statusText(st)}, err
		})
}

func statusText(st admin.Status) string {
	var lines []string
	add := func(name, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%-16s", name)+fmt.Sprintf(format, args...))
	}
	local := func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
	add("version", "%s", st.Version)
	add("database", "%s, schema %d", st.Database, st.Schema)
	add("code", "%s", st.Code)
	add("master key", "%s", strings.Join(st.KeyIDs, ", "))
	add("running", "%s, since %s", time.Duration(st.UptimeSeconds)*time.Second, local(st.StartedAt))
	if st.TestMode {
		add("test mode", "on")
	}
	add("audit backlog", "%d of %d", st.AuditBacklog, st.AuditBacklogLimit)
	backup := "never"
	if !st.LastBackup.IsZero() {
		backup = local(st.LastBackup)
	}
	add("last backup", "%s", backup)
	if z := st.Stored; z != nil {
		add("measured", "%s", local(z.MeasuredAt))
		add("platforms", "%d", z.Platforms)
		add("Mini Programs", "%d", z.MiniPrograms)
		add("environments", "%d", z.Environments)
		add("functions", "%d", z.Functions)
		add("authorizations", "%d, %d of them in force", z.Authorizations, z.AuthorizationsInForce)
		add("database size", "%s, and %s of its log", size(z.DatabaseBytes), size(z.DatabaseLogBytes))
		add("code size", "%s", size(z.CodeBytes))
	}
	return strings.Join(lines, "\n")
}
