package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func tokenCommand() *cobra.Command {
	return groupCommand("token", "Give out a token", remoteCommand("cloudbase ENV", "Print a cloudbase_access_token",
		`Print a cloudbase_access_token of an environment, as its runtime would get it. It
is valid for 30 minutes.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			token, err := c.CloudbaseToken(cmd.Context(), args[0])
			return answer{token, token.Token}, err
		}))
}

func envCredentialCommand() *cobra.Command {
	var revoke, code bool
	var expires string
	cmd := remoteCommand("env-credential ENV", "Print the credential of an environment's runtime",
		`Print what 'opentcb agent' authenticates with: it is good for nothing but tokens of
this environment, and with --code for what its runtime runs: functions, their code
and their configuration. Every one that is printed is valid until it expires, which
without --expires it does not, or all are revoked, with --revoke.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if revoke {
				revoked := map[string]string{"environment": args[0], "credentials": "revoked"}
				return answer{revoked, "revoked the credentials of " + args[0]}, c.RevokeCredentials(cmd.Context(), args[0])
			}
			life, err := parseSpan(expires)
			if err != nil {
				return answer{}, usageError{fmt.Errorf("--expires: %w", err)}
			}
			credential, err := c.Credential(cmd.Context(), args[0], life, code)
			if err == nil && life == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "it does not expire: --expires 90d bounds that")
			}
			return answer{credential, credential.Credential}, err
		})
	cmd.Flags().StringVar(&expires, "expires", "", "how long it is good, such as 90d or 12h (default: until it is revoked)")
	cmd.Flags().BoolVar(&code, "code", false, "it opens the code of the environment too")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "revoke every credential of the environment that was printed so far")
	return cmd
}
