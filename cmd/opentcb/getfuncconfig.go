package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

func getFuncConfigCommand() *cobra.Command {
	kind := tcb.FuncConfigProcess
	cmd := providerCommand("getfuncconfig ENV NAME", "Print the configuration of a function",
		`Call getfuncconfig: print a kind of a function's configuration as it was sent, the
values of its variables included.`,
		cobra.ExactArgs(2), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			config, err := c.GetFuncConfig(cmd.Context(), args[0], args[1], kind)
			return answer{json.RawMessage(config), words.Printable(config)}, err
		})
	funcConfigType(cmd, &kind)
	return cmd
}
