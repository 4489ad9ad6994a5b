package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func resetCommand() *cobra.Command {
	return remoteCommand("reset", "Bring a server in test mode to what it was at its start",
		`Bring a server in test mode to what it was when the first request was served:
what is stored, the audit record, the counts and the clock. Calls under way are
answered first. What was issued since is void. Admin tokens and snapshots stay.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return answer{map[string]bool{"reset": true}, "everything is as at the start"}, c.Reset(cmd.Context())
		})
}

func snapshotCommand() *cobra.Command {
	return groupCommand("snapshot", "States of a server in test mode, kept and put back",
		saveSnapshotCommand(), restoreSnapshotCommand(), listSnapshotsCommand(), removeSnapshotCommand())
}

func saveSnapshotCommand() *cobra.Command {
	return remoteCommand("save NAME", "Keep all that the server has, under a name",
		`Keep all that a server in test mode has, under a name, in place of what had it.
Snapshots survive a restart.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			s, err := c.SaveSnapshot(cmd.Context(), args[0])
			return answer{s, fmt.Sprintf("saved the snapshot %s, %s", s.Name, size(s.Bytes))}, err
		})
}

func restoreSnapshotCommand() *cobra.Command {
	return remoteCommand("restore NAME", "Bring what is stored to a snapshot",
		`Bring what a server in test mode stores to a snapshot. What was issued after it
is void: tokens, links, codes. The clock stays as it is.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			restored := map[string]string{"snapshot": args[0], "state": "restored"}
			return answer{restored, "restored the snapshot " + args[0]}, c.RestoreSnapshot(cmd.Context(), args[0])
		})
}

func listSnapshotsCommand() *cobra.Command {
	return remoteCommand("list", "Print the snapshots",
		`Print the snapshots of a server in test mode by name: when they were saved, by
the server's clock, and how large they are.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return listed([]string{"NAME", "SAVED", "SIZE"}, func(s admin.Snapshot) []string {
				return []string{s.Name, s.CreatedAt.Format(time.RFC3339), size(s.Bytes)}
			}, func(each func(admin.Snapshot) error) error { return c.Snapshots(cmd.Context(), each) })
		})
}

func removeSnapshotCommand() *cobra.Command {
	return remoteCommand("remove NAME", "Remove a snapshot",
		`Remove a snapshot of a server in test mode.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			removed := map[string]string{"snapshot": args[0], "state": "removed"}
			return answer{removed, "removed the snapshot " + args[0]}, c.RemoveSnapshot(cmd.Context(), args[0])
		})
}
