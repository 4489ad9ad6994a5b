package main

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

func applyCommand() *cobra.Command {
	return remoteCommand("apply FILE", "Bring a server to what a world file says",
		`Bring a running server to what a world file says, wholly or not at all, and print
what was changed. Applied again it changes nothing.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			file, err := node.ReadWorld(args[0], func(zip io.Reader) (string, error) {
				added, err := c.AddCode(cmd.Context(), zip)
				return added.SHA256, err
			})
			if errors.Is(err, fs.ErrNotExist) {
				return answer{}, usageError{err}
			}
			if err != nil {
				return answer{}, err
			}
			changes, err := c.Apply(cmd.Context(), file.Text, file.Code)
			lines := make([]string, len(changes))
			for i, ch := range changes {
				lines[i] = ch.Item + ": " + ch.Change
			}
			if len(lines) == 0 {
				lines = []string{"nothing to change"}
			}
			return answer{admin.Applied{Changes: changes}, strings.Join(lines, "\n")}, err
		})
}
