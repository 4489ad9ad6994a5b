package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func logLevelCommand() *cobra.Command {
	cmd := remoteCommand("log-level [LEVEL]", "Print or change what a running server logs",
		`Print the least level that the server logs, or change it while it runs: debug
(every call), info, warn or error. SIGHUP brings back that of the start.`,
		0, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if len(args) == 0 {
				level, err := c.LogLevel(cmd.Context())
				return answer{level, level.Level}, err
			}
			if !slices.Contains(admin.LogLevels, args[0]) {
				return answer{}, usageError{fmt.Errorf("%q is no level: give %s", args[0], strings.Join(admin.LogLevels, ", "))}
			}
			level, err := c.SetLogLevel(cmd.Context(), args[0])
			return answer{level, level.Level}, err
		})
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	cmd.ValidArgs = admin.LogLevels
	return cmd
}
