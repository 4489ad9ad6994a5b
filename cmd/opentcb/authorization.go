package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func authorizationCommand() *cobra.Command {
	add, remove := authorizeCommand(), revokeCommand(true)
	add.Use, remove.Use = "add PLATFORM APPID", "remove PLATFORM APPID"
	return groupCommand("authorization", "See, give and cancel authorizations",
		listCommand("List the authorizations",
			"List authorizations by Mini Program and platform: all, or those that the flags choose.",
			[]string{"appid", "platform", "state", "sets", "since"}, func(a cloud.AuthorizationView) []string {
				return []string{a.AppID, a.Platform, inForce(a), setsText(a.PermissionSets), local(a.Since)}
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

// setsText writes permission sets as the flags have them.
func setsText(sets []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(sets), " ", ","), "[]")
}

func authorizationShowCommand() *cobra.Command {
	return remoteCommand("show PLATFORM APPID", "Show an authorization", "Show an authorization, in force or cancelled.",
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			a, err := c.Authorization(cmd.Context(), args[0], args[1])
			return answer{a, pairs("platform", a.Platform, "appid", a.AppID, "state", inForce(a), "permission_sets", setsText(a.PermissionSets),
				"since", local(a.Since), "last_token_at", local(a.LastTokenAt))}, err
		})
}

func authorizeCommand() *cobra.Command {
	var sets []string
	cmd := remoteCommand("authorize PLATFORM APPID",
		"Give a merchant's consent and print the authorization code",
		`Give the consent of the Mini Program APPID that PLATFORM acts for it, with these
permission sets, or with those that the platform asks for, and print the
authorization code that api_query_auth exchanges for tokens: once, within an hour.`,
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			ids, err := parseSets(sets)
			if err != nil {
				return answer{}, err
			}
			code, err := c.Authorize(cmd.Context(), args[0], args[1], ids)
			return answer{code, code.AuthorizationCode}, err
		})
	cmd.Flags().StringSliceVar(&sets, "sets", nil,
		"ids of the permission sets that are granted; cloud functions need 49 or 64")
	return cmd
}

func parseSets(words []string) ([]int, error) {
	ids := make([]int, len(words))
	for i, word := range words {
		id, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, usageError{fmt.Errorf("--sets: %q is no permission set: give numbers, such as --sets 18,49", word)}
		}
		ids[i] = id
	}
	return ids, nil
}

// revokeCommand makes a command that cancels an authorization, and perhaps asks first.
func revokeCommand(asks bool) *cobra.Command {
	var yes bool
	cmd := remoteCommand("revoke PLATFORM APPID", "Cancel an authorization",
		`Cancel the authorization of PLATFORM by the Mini Program APPID. Its tokens and
links stop at once; its code protection key is kept for when it is given again.`,
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			result := map[string]string{"platform": args[0], "appid": args[1], "authorization": "cancelled"}
			what := "the authorization of " + args[0] + " by " + args[1]
			if asks && !yes {
				a, err := c.Authorization(cmd.Context(), args[0], args[1])
				if err == nil {
					err = confirm(cmd, fmt.Sprintf("%s is %s, with %s. Cancel it?", what, inForce(a), setsText(a.PermissionSets)))
				}
				if err != nil {
					return answer{}, err
				}
			}
			return answer{result, "cancelled " + what}, c.Revoke(cmd.Context(), args[0], args[1])
		})
	if asks {
		cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	}
	return cmd
}
