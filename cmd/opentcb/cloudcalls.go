package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
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

func explainCommand() *cobra.Command {
	return remoteCommand("explain RID", "Say why a call was refused",
		"Say why the call was refused whose errmsg ended with this rid: which environment,\nwhich version of its permission was in force, and the entry that comes nearest.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			x, err := c.Explain(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), x, explanation(x))
		})
}

// explanation is an explanation for a person.
func explanation(x cloud.Explanation) string {
	lines := []string{moment(x.At) + "  " + x.Action}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-12s %s", name, value))
		}
	}
	add("platform", x.Platform)
	add("account", x.AppID)
	add("environment", x.Env)
	add("on", x.Target)
	add("path", x.Path)
	if x.Version > 0 {
		add("version", fmt.Sprint(x.Version))
	}
	add("answer", fmt.Sprintf("%d %s", x.Code, x.Code.Text()))
	add("because", x.Reason)
	return strings.Join(lines, "\n")
}

// moment writes a time in Unix milliseconds.
func moment(at int64) string { return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z") }
