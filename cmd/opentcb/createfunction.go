package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/tcb"
)

func createFunctionCommand() *cobra.Command {
	return providerCommand("createfunction ENV NAME", "Create a function without code",
		"Call createfunction: a function without code in an environment.",
		cobra.ExactArgs(2), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			created := map[string]string{"env": args[0], "function_name": args[1]}
			return answer{created, "created " + args[1] + " in " + args[0]}, c.CreateFunction(cmd.Context(), args[0], args[1])
		})
}
