package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func platformCommand() *cobra.Command {
	n := noun[cloud.PlatformView, cloud.PlatformChange]{
		name: "platform", arg: "APPID", what: "a platform",
		get: (*admin.Client).Platform, put: (*admin.Client).PutPlatform, change: (*admin.Client).ChangePlatform,
		flags: platformFlags, text: platformText,
	}
	const states = "Of a disabled platform no call, link and upload is served; enabled, everything is as before."
	state := func(p cloud.PlatformView) string {
		return fmt.Sprintf("platform %s is %s, with %s", p.AppID, inUse(p.Disabled, false), p.Counts)
	}
	return groupCommand("platform", "See and change platforms",
		listCommand("List the platforms", "List all platforms by appid.", []string{"appid", "name", "state", "authorizations"},
			func(p cloud.PlatformView) []string {
				return []string{p.AppID, p.Name, inUse(p.Disabled, p.Removing), fmt.Sprint(p.Counts.Authorizations)}
			}, (*admin.Client).Platforms),
		n.show("Show a platform, and how much there is below it."),
		n.add("Make a platform and print its secret", "Make a platform with a new secret, which is printed this once."),
		n.set("Change what the flags name; the rest stays."),
		n.switching("disable", "Disable", states, cloud.PlatformChange{Disabled: cloud.Given(true)}, state),
		n.switching("enable", "Enable", states, cloud.PlatformChange{Disabled: cloud.Given(false)}, state),
		removeCommand("platform", "APPID", (*admin.Client).RemovePlatform))
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

// platformFlags adds the flags of what is said of a platform, and returns what reads them.
func platformFlags(cmd *cobra.Command) func() (cloud.PlatformChange, error) {
	name := cmd.Flags().String("name", "", "what it is called; \"\" takes the name away")
	words := cmd.Flags().StringSlice("sets", nil, "permission sets that it asks merchants for; \"\" takes them away")
	limits := limitFlags(cmd)
	return func() (with cloud.PlatformChange, err error) {
		sets, err := parseSets(*words)
		if err == nil {
			err = limits(&with)
		}
		with.Name, with.PermissionSets = given(cmd, "name", *name), given(cmd, "sets", sets)
		return with, err
	}
}
