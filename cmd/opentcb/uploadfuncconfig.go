package main

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/tcb"
)

// maxFuncConfig is the largest configuration that the interface takes, in bytes.
const maxFuncConfig = 64 << 10

func uploadFuncConfigCommand() *cobra.Command {
	kind := tcb.FuncConfigProcess
	cmd := providerCommand("uploadfuncconfig ENV NAME CONFIG", "Configure a function",
		`Call uploadfuncconfig: replace a kind of a function's configuration whole. CONFIG is
JSON; - reads it from standard input, which keeps its values out of the list of
processes and the shell's history.

    type 3  {"timeout":5,"environment":[{"key":"GREETING","value":"hi"}]}
    type 1  {"permissions":{"openapi":["wxacode.get"]}}, without effect
    type 2  {"triggers":[{"name":"daily","type":"timer","config":"0 0 2 * * * *"}]}, without effect`,
		cobra.ExactArgs(3), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			text, err := textOrInput(cmd, args[2], maxFuncConfig)
			if err != nil {
				return answer{}, err
			}
			config := strings.TrimSpace(string(text))
			if !json.Valid([]byte(config)) {
				return answer{}, usageError{errors.New("the configuration is no JSON: see 'opentcb help uploadfuncconfig'")}
			}
			configured := map[string]any{"env": args[0], "function_name": args[1], "type": kind}
			return answer{configured, "configured " + args[1] + " in " + args[0]},
				c.UploadFuncConfig(cmd.Context(), args[0], args[1], kind, config)
		})
	funcConfigType(cmd, &kind)
	return cmd
}

// funcConfigType adds the flag for a kind of configuration.
func funcConfigType(cmd *cobra.Command, kind *tcb.FuncConfigType) {
	cmd.Flags().Int64Var((*int64)(kind), "type", int64(*kind), "kind of configuration: 3 its process, 1 its open interfaces, 2 its timers")
}
