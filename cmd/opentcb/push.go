package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func pushCommand() *cobra.Command {
	return groupCommand("push", "See and repeat pushes to a platform's event addresses",
		pushListCommand(), pushTicketCommand(), pushAgainCommand())
}

func pushListCommand() *cobra.Command {
	query, limit := map[string]*string{}, 0
	cmd := remoteCommand("list PLATFORM", "List what was pushed", `List the latest events and tickets that were pushed to a platform, or that wait for
their next try, the latest first. They are kept 7 days.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			all, rows := []cloud.PushView{}, [][]string{{"id", "at", "kind", "appid", "state", "tries", "last", "address"}}
			chosen := listQuery(cmd, query)
			if limit > 0 {
				chosen.Set("limit", strconv.Itoa(min(limit, 1000)))
			}
			err := c.Pushes(cmd.Context(), args[0], chosen, func(p cloud.PushView) error {
				all = append(all, p)
				rows = append(rows, []string{p.ID, local(p.At), p.Kind, p.AppID, p.State, fmt.Sprint(p.Tries), lastTry(p), p.URL})
				if len(all) == limit {
					return errEnough
				}
				return nil
			})
			if errors.Is(err, errEnough) {
				err = nil
			}
			return answer{all, table(rows)}, err
		})
	query["kind"] = cmd.Flags().String("kind", "", "those of that kind: component_verify_ticket, authorized, updateauthorized or unauthorized")
	query["appid"] = cmd.Flags().String("appid", "", "those of that Mini Program")
	query["state"] = cmd.Flags().String("state", "", "those in that state: waiting, delivered, superseded or given_up")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many; 0: all")
	return cmd
}

// lastTry says how the last try of a push ended.
func lastTry(p cloud.PushView) string {
	switch {
	case p.Fault != "":
		return p.Fault
	case p.State == "delivered" && !p.Success:
		return fmt.Sprint(p.Status, ", not exactly success")
	case p.Status != 0:
		return fmt.Sprint(p.Status)
	}
	return ""
}

func pushTicketCommand() *cobra.Command {
	return remoteCommand("ticket PLATFORM", "Push the ticket now",
		"Push a platform's verify ticket to each of its event addresses now.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			all, err := c.PushTicket(cmd.Context(), args[0])
			text := fmt.Sprintf("platform %s has no event address: its events in the world file, or PATCH /v1/platforms/%[1]s, say where to push", args[0])
			for i, p := range all {
				line := fmt.Sprintf("push %s to %s has begun", p.ID, p.URL)
				if text = text + "\n" + line; i == 0 {
					text = line
				}
			}
			return answer{all, text}, err
		})
}

func pushAgainCommand() *cobra.Command {
	return remoteCommand("again PLATFORM ID", "Send a push once more", `Send a push once more: with the ticket of now, or with a new code. It is refused if
a newer event of the same Mini Program was recorded since.`,
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			p, err := c.PushAgain(cmd.Context(), args[0], args[1])
			return answer{p, fmt.Sprintf("push %s to %s has begun", p.ID, p.URL)}, err
		})
}

func ticketCommand() *cobra.Command {
	return remoteCommand("ticket PLATFORM", "Print a platform's current verify ticket",
		"Print the verify ticket that the platform needs to get its component_access_token.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			ticket, err := c.Ticket(cmd.Context(), args[0])
			return answer{admin.Ticket{Ticket: ticket}, ticket}, err
		})
}
