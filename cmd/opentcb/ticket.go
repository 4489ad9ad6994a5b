package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func ticketCommand() *cobra.Command {
	return remoteCommand("ticket PLATFORM", "Print a platform's current verify ticket",
		"Print the verify ticket that the platform needs to get its component_access_token.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			ticket, err := c.Ticket(cmd.Context(), args[0])
			return answer{admin.Ticket{Ticket: ticket}, ticket}, err
		})
}
