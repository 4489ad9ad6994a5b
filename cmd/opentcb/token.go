package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func tokenCommand() *cobra.Command {
	return groupCommand("token", "Give out a token", remoteCommand("cloudbase ENV", "Print a cloudbase_access_token",
		`Print a cloudbase_access_token of an environment, as its runtime would get it. It
is valid for 30 minutes.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			token, err := c.CloudbaseToken(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), token, token.Token)
		}))
}

func envCredentialCommand() *cobra.Command {
	var revoke bool
	cmd := remoteCommand("env-credential ENV", "Print the credential of an environment's runtime",
		`Print what 'opentcb agent' authenticates with: it is good for nothing but tokens of
this environment. Every one that is printed is valid until all are revoked, with
--revoke.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			if revoke {
				if err := c.RevokeCredentials(cmd.Context(), args[0]); err != nil {
					return err
				}
				revoked := map[string]string{"environment": args[0], "credentials": "revoked"}
				return r.print(cmd.OutOrStdout(), revoked, "revoked the credentials of "+args[0])
			}
			credential, err := c.Credential(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), credential, credential.Credential)
		})
	cmd.Flags().BoolVar(&revoke, "revoke", false, "revoke every credential of the environment that was printed so far")
	return cmd
}
