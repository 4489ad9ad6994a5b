package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func ticketCommand() *cobra.Command {
	return remoteCommand("ticket PLATFORM", "Print a platform's current verify ticket",
		"Print the verify ticket that the platform needs to get its component_access_token.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			ticket, err := c.Ticket(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), admin.Ticket{Ticket: ticket}, ticket)
		})
}
