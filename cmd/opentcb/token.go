package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func tokenCommand() *cobra.Command {
	return groupCommand("token", "Give out a token", remoteCommand("cloudbase ENV", "Print a cloudbase_access_token",
		"Print a cloudbase_access_token of an environment, as its runtime would get it. It\nis good for 30 minutes.",
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
		`Print what 'opentcb agent' proves itself with: it opens nothing but tokens of this
environment. Every one that is printed is good until they are revoked together,
with --revoke.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			if revoke {
				if err := c.RevokeCredentials(cmd.Context(), args[0]); err != nil {
					return err
				}
				return r.print(cmd.OutOrStdout(), map[string]string{"environment": args[0], "credentials": "revoked"}, "revoked the credentials of "+args[0])
			}
			credential, err := c.Credential(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), credential, credential.Credential)
		})
	cmd.Flags().BoolVar(&revoke, "revoke", false, "void every credential of the environment that was printed so far")
	return cmd
}
