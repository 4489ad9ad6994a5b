package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func platformCommand() *cobra.Command {
	return groupCommand("platform", "See and change platforms",
		platformListCommand(), platformShowCommand(), platformAddCommand(), platformSetCommand(),
		platformStateCommand("disable", true), platformStateCommand("enable", false),
		removeCommand("platform", "APPID", (*admin.Client).RemovePlatform))
}

func platformListCommand() *cobra.Command {
	return remoteCommand("list", "List the platforms", "List all platforms by appid.",
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			all, rows := []cloud.PlatformView{}, [][]string{{"appid", "name", "state", "authorizations"}}
			err := c.Platforms(cmd.Context(), url.Values{"limit": {"1000"}}, func(p cloud.PlatformView) error {
				all = append(all, p)
				rows = append(rows, []string{p.AppID, p.Name, inUse(p.Disabled, p.Removing), fmt.Sprint(p.Counts.Authorizations)})
				return nil
			})
			return answer{all, table(rows)}, err
		})
}

func platformText(p cloud.PlatformView) string {
	sets := ""
	if len(p.PermissionSets) > 0 {
		sets = fmt.Sprint(p.PermissionSets)
	}
	var events []string
	for _, e := range p.Events {
		events = append(events, e.URL)
	}
	return pairs("appid", p.AppID, "name", p.Name, "state", inUse(p.Disabled, p.Removing), "permission_sets", sets,
		"quotas", quotasText(p.Quotas), "ip_whitelist", networksText(p.IPWhitelist),
		"events", strings.Join(events, "\n\t"),
		"consent_hosts", strings.Join(p.ConsentHosts, ", "),
		"below it", p.Counts.String(), "created_at", local(p.CreatedAt), "secret, shown once", p.Secret)
}

func platformShowCommand() *cobra.Command {
	return remoteCommand("show APPID", "Show a platform", "Show a platform, and how much there is below it.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			p, err := c.Platform(cmd.Context(), args[0])
			return answer{p, platformText(p)}, err
		})
}

// platformFlags adds the flags of what is said of a platform; change reads them.
func platformFlags(cmd *cobra.Command, change *func() (cloud.PlatformChange, error)) {
	name := cmd.Flags().String("name", "", "what it is called; \"\" takes the name away")
	words := cmd.Flags().StringSlice("sets", nil, "permission sets that it asks merchants for; \"\" takes them away")
	limits := limitFlags(cmd)
	*change = func() (with cloud.PlatformChange, err error) {
		sets, err := parseSets(*words)
		if err == nil {
			err = limits(&with)
		}
		with.Name, with.PermissionSets = given(cmd, "name", *name), given(cmd, "sets", sets)
		return with, err
	}
}

func platformAddCommand() *cobra.Command {
	var change func() (cloud.PlatformChange, error)
	cmd := remoteCommand("add APPID", "Make a platform and print its secret",
		"Make a platform with a new secret, which is printed this once.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with, err := change()
			if err != nil {
				return answer{}, err
			}
			if _, err := c.Platform(cmd.Context(), args[0]); err == nil {
				return answer{}, fmt.Errorf("platform %s is there: 'opentcb platform set' changes it", args[0])
			}
			p, err := c.PutPlatform(cmd.Context(), args[0], with)
			return answer{p, platformText(p)}, err
		})
	platformFlags(cmd, &change)
	return cmd
}

func platformSetCommand() *cobra.Command {
	var change func() (cloud.PlatformChange, error)
	cmd := remoteCommand("set APPID", "Change what is said of a platform", "Change what the flags name; the rest stays.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with, err := change()
			if err != nil {
				return answer{}, err
			}
			p, err := c.ChangePlatform(cmd.Context(), args[0], with)
			return answer{p, platformText(p)}, err
		})
	platformFlags(cmd, &change)
	return cmd
}

func platformStateCommand(verb string, disabled bool) *cobra.Command {
	return remoteCommand(verb+" APPID", map[bool]string{true: "Disable", false: "Enable"}[disabled]+" a platform",
		"Of a disabled platform no call, link and upload is served; enabled, everything is as before.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			p, err := c.ChangePlatform(cmd.Context(), args[0], cloud.PlatformChange{Disabled: cloud.Given(disabled)})
			return answer{p, fmt.Sprintf("platform %s is %s, with %s", p.AppID, inUse(p.Disabled, false), p.Counts)}, err
		})
}
