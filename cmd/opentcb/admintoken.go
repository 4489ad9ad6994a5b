package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func adminTokenCommand() *cobra.Command {
	return groupCommand("admin-token", "Who may use the admin interface, and for what",
		createAdminTokenCommand(), listAdminTokensCommand(), revokeAdminTokenCommand(), rotateAdminTokenCommand())
}

func createAdminTokenCommand() *cobra.Command {
	var role, expires string
	cmd := remoteCommand("create NAME --role ROLE", "Make an admin token, and print it",
		`Make a token of the admin interface, and print it, which the server never does
again: it keeps what the token is recognized by. NAME is how the audit record
names whoever uses it. What each role may do:

    admin      everything
    operator   everything but admin tokens, keys and backups
    developer  read what the server keeps, and do what only test mode has
    auditor    read that, but no tickets and no code, and the audit record
    monitor    the server's status and metrics`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if !slices.Contains(cloud.Roles, cloud.Role(role)) {
				return answer{}, usageError{fmt.Errorf("--role must be one of %v", cloud.Roles)}
			}
			life, err := parseSpan(expires)
			if err != nil {
				return answer{}, usageError{fmt.Errorf("--expires: %w", err)}
			}
			made, err := c.CreateAdminToken(cmd.Context(), admin.NewAdminToken{
				Name: args[0], Role: cloud.Role(role), ExpiresIn: int64(life.Seconds()),
			})
			return answer{made, made.Token}, err
		})
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "admin, operator, developer, auditor or monitor")
	f.StringVar(&expires, "expires", "", "how long it is good, such as 90d or 12h (default: for ever)")
	return cmd
}

func listAdminTokensCommand() *cobra.Command {
	return remoteCommand("list", "Print the admin tokens",
		`Print the admin tokens by name: their roles, until when they are good, and when
each was used last, to the minute. The token of the file admin-token, which is
in no list, is the first admin's.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return listed([]string{"NAME", "ROLE", "CREATED", "EXPIRES", "USED"}, func(t admin.AdminToken) []string {
				return []string{t.Name, string(t.Role), localMinute(t.CreatedAt), localMinute(t.ExpiresAt), localMinute(t.UsedAt)}
			}, func(each func(admin.AdminToken) error) error { return c.AdminTokens(cmd.Context(), each) })
		})
}

// localMinute writes a time for a person: local, to the minute; "-" for none.
func localMinute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func revokeAdminTokenCommand() *cobra.Command {
	return remoteCommand("revoke NAME", "End an admin token",
		`End an admin token: at once on the server that answers, and within a second on
others that share its database.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			revoked := map[string]string{"name": args[0], "admin_token": "revoked"}
			return answer{revoked, "revoked the admin token " + args[0]}, c.RevokeAdminToken(cmd.Context(), args[0])
		})
}

func rotateAdminTokenCommand() *cobra.Command {
	var overlap time.Duration
	cmd := remoteCommand("rotate", "Replace the token of the file admin-token",
		`Replace the token of the file admin-token in the server's data folder, the first
admin's, and print the new one. The old one is good for --overlap, and with 0s
no more. Of several servers on one database each has its own file: ask each of
them, by --admin. A server that was given its token by a flag or a variable
refuses: change it there.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			made, err := c.RotateAdminToken(cmd.Context(), overlap)
			return answer{made, made.Token}, err
		})
	cmd.Flags().DurationVar(&overlap, "overlap", 5*time.Minute, "how long the old token is good, at most 168h")
	return cmd
}

// parseSpan reads how long something is: a number of days such as 90d, or what
// time.ParseDuration reads; 0 for "".
func parseSpan(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	var span time.Duration
	days, isDays := strings.CutSuffix(text, "d")
	n, err := strconv.Atoi(days)
	if isDays && err == nil && n < 100*366 {
		span = time.Duration(n) * 24 * time.Hour
	} else if !isDays {
		span, err = time.ParseDuration(text)
	}
	if err != nil || span < time.Second {
		return 0, fmt.Errorf("%q is no span of time such as 90d, 12h or 30m", text)
	}
	return span, nil
}
