package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/clock"
)

func clockCommand() *cobra.Command {
	return groupCommand("clock", "The clock of a server in test mode",
		showClockCommand(), freezeClockCommand(), advanceClockCommand(), realClockCommand())
}

// clockAnswer is what the commands print of a clock.
func clockAnswer(c admin.Clock, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	s := clock.Setting{Mode: c.Mode}
	if c.Mode == clock.Offset {
		s.By, err = time.ParseDuration(c.By)
	} else if c.At != nil {
		s.At = *c.At
	}
	return answer{c, fmt.Sprintf("%s  %s", c.Now.Format(time.RFC3339), s)}, err
}

func showClockCommand() *cobra.Command {
	return remoteCommand("show", "Print what the clock shows, and how it is set",
		`Print what the clock of a server in test mode shows, and how it is set: real,
offset from the machine's, or frozen.

    opentcb clock show`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return clockAnswer(c.Clock(cmd.Context()))
		})
}

func freezeClockCommand() *cobra.Command {
	cmd := remoteCommand("freeze [TIME]", "Stop the clock",
		`Stop the clock of a server in test mode, at a time or at the one that it shows.

    opentcb clock freeze 2026-01-31T15:04:05Z`,
		0, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if len(args) == 0 {
				now, err := c.Clock(cmd.Context())
				if err != nil {
					return answer{}, err
				}
				return clockAnswer(c.SetClock(cmd.Context(), admin.Clock{Mode: clock.Frozen, At: now.Now}))
			}
			at, err := time.Parse(time.RFC3339, args[0])
			if err != nil {
				return answer{}, usageError{fmt.Errorf("%q is no time such as 2026-01-31T15:04:05Z", args[0])}
			}
			return clockAnswer(c.SetClock(cmd.Context(), admin.Clock{Mode: clock.Frozen, At: &at}))
		})
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	return cmd
}

func advanceClockCommand() *cobra.Command {
	return remoteCommand("advance DURATION", "Move the clock forward",
		`Move the clock of a server in test mode forward: what was to expire until then
has expired, and what was due is done, once. After -- a negative duration moves
it back.

    opentcb clock advance 3h`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if _, err := time.ParseDuration(args[0]); err != nil {
				return answer{}, usageError{fmt.Errorf("%q is no duration such as 3h or 90m", args[0])}
			}
			return clockAnswer(c.AdvanceClock(cmd.Context(), args[0]))
		})
}

func realClockCommand() *cobra.Command {
	return remoteCommand("real", "Set the clock to the machine's",
		`Set the clock of a server in test mode to the machine's.

    opentcb clock real`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return clockAnswer(c.SetClock(cmd.Context(), admin.Clock{Mode: clock.Real}))
		})
}
