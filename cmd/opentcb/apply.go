package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/faults"
	"github.com/opentcb/opentcb/internal/node"
)

func applyCommand() *cobra.Command {
	var options cloud.ApplyOptions
	cmd := remoteCommand("apply FILE", "Bring a server to what a world file says",
		`Bring a running server to what a world file says, wholly or not at all, and print
what was changed. Applied again it changes nothing. What the file says of an
environment's switch and whitelist and of an authorization counts when it is made;
what has become otherwise since stays, and is told.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			var refused error // by the server, as opposed to what is wrong here
			file, err := node.ReadWorld(args[0], func(zip io.Reader) (string, error) {
				var added admin.Code
				added, refused = c.AddCode(cmd.Context(), zip)
				return added.SHA256, refused
			})
			if _, content := errors.AsType[faults.List](err); err != nil && refused == nil && !content {
				err = usageError{err} // the file itself or code that it names
			}
			if err != nil {
				return answer{}, err
			}
			applied, err := c.ApplyWith(cmd.Context(), file.Text, file.Code, options)
			var lines []string
			for _, ch := range applied.Changes {
				lines = append(lines, ch.Item+": "+ch.Change)
			}
			for _, left := range applied.NotApplied {
				lines = append(lines, "not applied: "+left.Item+": "+left.Change)
			}
			if len(lines) == 0 {
				lines = []string{"nothing to change"}
			}
			return answer{applied, strings.Join(lines, "\n")}, err
		})
	cmd.Flags().BoolVar(&options.Regrant, "regrant", false,
		"bring authorizations that are there to what the file says, too: those that were cancelled are given again")
	cmd.Flags().BoolVar(&options.KeepTokens, "keep-tokens", false,
		"leave the component_access_tokens of a platform good whose secret is replaced")
	return cmd
}
