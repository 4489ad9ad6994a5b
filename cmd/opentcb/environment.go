package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func environmentCommand() *cobra.Command {
	return groupCommand("environment", "See and change environments",
		environmentListCommand(), environmentShowCommand(), environmentAddCommand(), environmentSetCommand(),
		removeCommand("environment", "ENV", (*admin.Client).RemoveEnvironment))
}

func environmentListCommand() *cobra.Command {
	query := map[string]*string{}
	cmd := remoteCommand("list", "List the environments", "List environments by id: all, or those that the flags choose.",
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			all, rows := []cloud.EnvironmentView{}, [][]string{{"id", "belongs to", "alias", "switch", "version"}}
			err := c.Environments(cmd.Context(), chosen(cmd, query), func(e cloud.EnvironmentView) error {
				all = append(all, e)
				rows = append(rows, []string{e.ID, e.AppID + e.Platform, e.Alias, onOff(e.Open), fmt.Sprint(e.Version)})
				return nil
			})
			return answer{all, table(rows)}, err
		})
	query["appid"] = cmd.Flags().String("appid", "", "those of that Mini Program")
	query["platform"] = cmd.Flags().String("platform", "", "those of that platform")
	query["alias"] = cmd.Flags().String("alias", "", "those of that alias")
	return cmd
}

// chosen is the query of a list: its flags that were given, and the largest pages.
func chosen(cmd *cobra.Command, flags map[string]*string) url.Values {
	query := url.Values{"limit": {"1000"}}
	for name, value := range flags {
		if cmd.Flags().Changed(strings.ReplaceAll(name, "_", "-")) {
			query.Set(name, *value)
		}
	}
	return query
}

func environmentText(e cloud.EnvironmentView) string {
	return pairs("id", e.ID, "appid", e.AppID, "platform", e.Platform, "alias", e.Alias, "runtime", e.Runtime,
		"switch", onOff(e.Open), "version", fmt.Sprint(e.Version), "functions", fmt.Sprint(e.Functions),
		"api_whitelist", strings.Join(e.APIWhitelist, "\n\t"))
}

func environmentShowCommand() *cobra.Command {
	return remoteCommand("show ENV", "Show an environment", "Show an environment with its whitelist.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			e, err := c.Environment(cmd.Context(), args[0])
			return answer{e, environmentText(e)}, err
		})
}

// environmentFlags adds the flags of what is said of an environment, and returns what
// reads them.
func environmentFlags(cmd *cobra.Command) func() cloud.EnvironmentChange {
	alias := cmd.Flags().String("alias", "", "what it is called; \"\" takes the alias away")
	runtime := cmd.Flags().String("runtime", "", "address where its functions run; \"\" for the server's runtime")
	open := cmd.Flags().Bool("open", true, "the switch of its account")
	allow := cmd.Flags().StringSlice("allow", nil, "entries of the whitelist, in place of those that there are; \"\" for none")
	return func() cloud.EnvironmentChange {
		return cloud.EnvironmentChange{
			Alias: given(cmd, "alias", *alias), Runtime: given(cmd, "runtime", *runtime),
			Open: given(cmd, "open", *open), APIWhitelist: given(cmd, "allow", *allow),
		}
	}
}

func environmentAddCommand() *cobra.Command {
	var change func() cloud.EnvironmentChange
	var appid, platform string
	cmd := remoteCommand("add ENV", "Make an environment",
		"Make an environment of a Mini Program, or of a platform for its batches.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with := change()
			with.AppID, with.Platform = given(cmd, "appid", appid), given(cmd, "platform", platform)
			if _, err := c.Environment(cmd.Context(), args[0]); err == nil {
				return answer{}, fmt.Errorf("there is an environment %s: 'opentcb environment set' changes it", args[0])
			}
			e, err := c.PutEnvironment(cmd.Context(), args[0], with)
			return answer{e, environmentText(e)}, err
		})
	cmd.Flags().StringVar(&appid, "appid", "", "the Mini Program that it belongs to")
	cmd.Flags().StringVar(&platform, "platform", "", "the platform that it belongs to")
	change = environmentFlags(cmd)
	return cmd
}

func environmentSetCommand() *cobra.Command {
	var change func() cloud.EnvironmentChange
	cmd := remoteCommand("set ENV", "Change what is said of an environment",
		`Change what the flags name; the rest stays. Switch and whitelist get a new version,
and stand in the history.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			e, err := c.ChangeEnvironment(cmd.Context(), args[0], change())
			return answer{e, environmentText(e)}, err
		})
	change = environmentFlags(cmd)
	return cmd
}
