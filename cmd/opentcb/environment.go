package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func environmentCommand() *cobra.Command {
	n := noun[cloud.EnvironmentView, cloud.EnvironmentChange]{
		name: "environment", arg: "ENV", what: "an environment", get: (*admin.Client).Environment,
		put: (*admin.Client).PutEnvironment, change: (*admin.Client).ChangeEnvironment,
		flags: environmentFlags, text: environmentText,
	}
	return groupCommand("environment", "See and change environments",
		listCommand("List the environments", "List environments by id: all, or those that the flags choose.",
			[]string{"id", "belongs to", "alias", "switch", "version"}, func(e cloud.EnvironmentView) []string {
				return []string{e.ID, e.AppID + e.Platform, e.Alias, onOff(e.Open), fmt.Sprint(e.Version)}
			}, (*admin.Client).Environments, filter{"appid", "those of that Mini Program"},
			filter{"platform", "those of that platform"}, filter{"alias", "those of that alias"}),
		n.show("Show an environment with its whitelist."),
		n.add("Make an environment", "Make an environment of a Mini Program, or of a platform for its batches."),
		n.set(`Change what the flags name; the rest stays. Switch and whitelist get a new version,
and stand in the history.`),
		removeCommand("environment", "ENV", (*admin.Client).RemoveEnvironment))
}

func environmentText(e cloud.EnvironmentView) string {
	return pairs("id", e.ID, "appid", e.AppID, "platform", e.Platform, "alias", e.Alias, "runtime", e.Runtime,
		"switch", onOff(e.Open), "version", fmt.Sprint(e.Version), "functions", fmt.Sprint(e.Functions),
		"api_whitelist", strings.Join(e.APIWhitelist, "\n\t"))
}

// environmentFlags adds the flags of what is said of an environment, and returns what
// reads them. Whom it belongs to is said when it is made.
func environmentFlags(cmd *cobra.Command) func() (cloud.EnvironmentChange, error) {
	alias := cmd.Flags().String("alias", "", "what it is called; \"\" takes the alias away")
	runtime := cmd.Flags().String("runtime", "", "address where its functions run; \"\" for the server's runtime")
	open := cmd.Flags().Bool("open", true, "the switch of its account")
	allow := cmd.Flags().StringSlice("allow", nil, "entries of the whitelist, in place of those that there are; \"\" for none")
	var appid, platform string
	if cmd.Name() == "add" {
		cmd.Flags().StringVar(&appid, "appid", "", "the Mini Program that it belongs to")
		cmd.Flags().StringVar(&platform, "platform", "", "the platform that it belongs to")
	}
	return func() (cloud.EnvironmentChange, error) {
		return cloud.EnvironmentChange{
			AppID: given(cmd, "appid", appid), Platform: given(cmd, "platform", platform),
			Alias: given(cmd, "alias", *alias), Runtime: given(cmd, "runtime", *runtime),
			Open: given(cmd, "open", *open), APIWhitelist: given(cmd, "allow", *allow),
		}, nil
	}
}
