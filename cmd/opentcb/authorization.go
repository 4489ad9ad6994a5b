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
		listCommand("List the authorizations",
			"List authorizations by Mini Program and platform: all, or those that the flags choose.",
			[]string{"appid", "platform", "state", "sets", "since"}, func(a cloud.AuthorizationView) []string {
				return []string{a.AppID, a.Platform, inForce(a), setsText(a), local(a.Since)}
			}, (*admin.Client).Authorizations, filter{"platform", "those of that platform"},
			filter{"appid", "those of that Mini Program"},
			filter{"in-force", "true: those in force; false: those that were cancelled"}),
		authorizationShowCommand(), add, remove)
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
