package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func authorizationCommand() *cobra.Command {
	add, remove := authorizeCommand(), revokeCommand()
	add.Use, remove.Use = "add PLATFORM APPID", "remove PLATFORM APPID"
	return groupCommand("authorization", "See, give and cancel authorizations",
		authorizationListCommand(), authorizationShowCommand(), add, remove)
}

func authorizationListCommand() *cobra.Command {
	query := map[string]*string{}
	cmd := remoteCommand("list", "List the authorizations",
		"List authorizations by Mini Program and platform: all, or those that the flags choose.",
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			all, rows := []cloud.AuthorizationView{}, [][]string{{"appid", "platform", "state", "sets", "since"}}
			err := c.Authorizations(cmd.Context(), chosen(cmd, query), func(a cloud.AuthorizationView) error {
				all = append(all, a)
				rows = append(rows, []string{a.AppID, a.Platform, inForce(a), setsText(a), local(a.Since)})
				return nil
			})
			return answer{all, table(rows)}, err
		})
	query["platform"] = cmd.Flags().String("platform", "", "those of that platform")
	query["appid"] = cmd.Flags().String("appid", "", "those of that Mini Program")
	query["in_force"] = cmd.Flags().String("in-force", "", "true: those in force; false: those that were cancelled")
	return cmd
}

func inForce(a cloud.AuthorizationView) string {
	if a.InForce {
		return "in force"
	}
	return "cancelled"
}

func setsText(a cloud.AuthorizationView) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(a.PermissionSets), " ", ","), "[]")
}

func authorizationShowCommand() *cobra.Command {
	return remoteCommand("show PLATFORM APPID", "Show an authorization", "Show an authorization, in force or cancelled.",
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			a, err := c.Authorization(cmd.Context(), args[0], args[1])
			return answer{a, pairs("platform", a.Platform, "appid", a.AppID, "state", inForce(a), "permission_sets", setsText(a),
				"since", local(a.Since), "last_token_at", local(a.LastTokenAt))}, err
		})
}
