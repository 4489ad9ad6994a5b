package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/intercept"
)

func interceptCommand() *cobra.Command {
	return groupCommand("intercept", "Clients whose host is fixed in their code", interceptEnvCommand())
}

func interceptEnvCommand() *cobra.Command {
	var shell string
	cmd := remoteCommand("env", "Print what makes programs use the proxy of --intercept",
		`Print the variables that make curl, Go, Node, Python, PHP and Java use the proxy of a
server on this machine, which answers for api.weixin.qq.com, mp.weixin.qq.com,
open.weixin.qq.com and scf.tencentcloudapi.com, and trust its authority, which can
vouch for nothing else. In the shell where the client is to run:

    eval "$(opentcb intercept env)"

The files that the variables name are written beside the authority's, in the
server's data folder.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			if _, err := intercept.Write(nil, shell); err != nil {
				return answer{}, usageError{err}
			}
			st, err := c.Status(cmd.Context())
			if err != nil {
				return answer{}, err
			}
			if st.Intercept == "" {
				return answer{}, errors.New("the server has no proxy: start it with --intercept 127.0.0.1:8082")
			}
			settings, err := intercept.Settings(st.Intercept, st.InterceptCA)
			if err != nil {
				return answer{}, err
			}
			text, err := intercept.Write(settings, shell)
			values := map[string]string{}
			for _, s := range settings {
				values[s.Name] = s.Value
			}
			return answer{values, strings.TrimSuffix(text, "\n")}, err
		})
	cmd.Flags().StringVar(&shell, "shell", "sh", "the shell that is to read it: "+strings.Join(intercept.Shells, ", "))
	return cmd
}
