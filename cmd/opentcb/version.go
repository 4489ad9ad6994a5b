package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/node"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usageArgs(cobra.ExactArgs(0)),
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), node.Version())
		},
	}
}
