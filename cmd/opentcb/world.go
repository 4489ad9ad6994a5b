package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func worldCommand() *cobra.Command {
	cmd := remoteCommand("world", "Print everything that a server keeps as a world file",
		`Print everything that a server keeps as a world file, without secrets and code. Applied
to the same server it changes nothing; another one needs the secrets of platforms
beside. It is read while the server works, so it is not of one moment, as a backup is.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return answer{}, c.World(cmd.Context(), cmd.OutOrStdout())
		})
	_ = cmd.Flags().MarkHidden("json") // it is YAML
	return cmd
}
