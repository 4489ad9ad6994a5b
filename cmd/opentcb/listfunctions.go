package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

func listFunctionsCommand() *cobra.Command {
	return providerCommand("listfunctions ENV", "Print the functions of an environment",
		"Call listfunctions until all functions of an environment are there.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			all := []tcb.Function{}
			for f, err := range c.AllFunctions(cmd.Context(), args[0]) {
				if err != nil {
					return answer{}, err
				}
				all = append(all, f)
			}
			if asJSON(cmd) {
				return answer{v: all}, nil
			}
			for _, f := range all {
				fmt.Fprintf(cmd.OutOrStdout(), "%-40s %-16s %-10s %s\n", words.Printable(f.Name), words.Printable(f.Runtime),
					words.Printable(f.Status), words.Printable(f.ModTime))
			}
			return answer{}, nil
		})
}
