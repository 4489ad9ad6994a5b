package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func miniProgramCommand() *cobra.Command {
	return groupCommand("miniprogram", "See and change Mini Programs",
		miniProgramListCommand(), miniProgramShowCommand(), miniProgramAddCommand(), miniProgramSetCommand(),
		miniProgramStateCommand("disable", true), miniProgramStateCommand("enable", false),
		removeCommand("miniprogram", "APPID", (*admin.Client).RemoveMiniProgram))
}

func miniProgramListCommand() *cobra.Command {
	return remoteCommand("list", "List the Mini Programs", "List all Mini Programs by appid.",
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			all, rows := []cloud.MiniProgram{}, [][]string{{"appid", "name", "state", "authorizations"}}
			err := c.MiniPrograms(cmd.Context(), url.Values{"limit": {"1000"}}, func(m cloud.MiniProgram) error {
				all = append(all, m)
				rows = append(rows, []string{m.AppID, m.Name, inUse(m.Disabled, m.Removing), fmt.Sprint(m.Counts.Authorizations)})
				return nil
			})
			return answer{all, table(rows)}, err
		})
}

func miniProgramText(m cloud.MiniProgram) string {
	return pairs("appid", m.AppID, "name", m.Name, "state", inUse(m.Disabled, m.Removing), "principal", m.Principal,
		"below it", m.Counts.String(), "created_at", local(m.CreatedAt), "cloud", onOff(m.Cloud))
}

func miniProgramShowCommand() *cobra.Command {
	return remoteCommand("show APPID", "Show a Mini Program", "Show a Mini Program, and how much there is below it.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			m, err := c.MiniProgram(cmd.Context(), args[0])
			return answer{m, miniProgramText(m)}, err
		})
}

// miniProgramFlags adds the flags of what is said of a Mini Program; change reads them.
func miniProgramFlags(cmd *cobra.Command, change *func() (cloud.MiniProgramChange, error)) {
	name := cmd.Flags().String("name", "", "what it is called; \"\" takes the name away")
	principal := cmd.Flags().String("principal", "", "whom it belongs to")
	open := cmd.Flags().Bool("cloud", true, "cloud development is opened")
	*change = func() (cloud.MiniProgramChange, error) {
		return cloud.MiniProgramChange{
			Name: given(cmd, "name", *name), Principal: given(cmd, "principal", *principal), Cloud: given(cmd, "cloud", *open),
		}, nil
	}
}

func miniProgramAddCommand() *cobra.Command {
	var change func() (cloud.MiniProgramChange, error)
	cmd := remoteCommand("add APPID", "Make a Mini Program",
		"Make a Mini Program.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with, err := change()
			if err != nil {
				return answer{}, err
			}
			if _, err := c.MiniProgram(cmd.Context(), args[0]); err == nil {
				return answer{}, fmt.Errorf("there is a Mini Program %s: 'opentcb miniprogram set' changes it", args[0])
			}
			m, err := c.PutMiniProgram(cmd.Context(), args[0], with)
			return answer{m, miniProgramText(m)}, err
		})
	miniProgramFlags(cmd, &change)
	return cmd
}

func miniProgramSetCommand() *cobra.Command {
	var change func() (cloud.MiniProgramChange, error)
	cmd := remoteCommand("set APPID", "Change what is said of a Mini Program", "Change what the flags name; the rest stays.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with, err := change()
			if err != nil {
				return answer{}, err
			}
			m, err := c.ChangeMiniProgram(cmd.Context(), args[0], with)
			return answer{m, miniProgramText(m)}, err
		})
	miniProgramFlags(cmd, &change)
	return cmd
}

func miniProgramStateCommand(verb string, disabled bool) *cobra.Command {
	return remoteCommand(verb+" APPID", map[bool]string{true: "Disable", false: "Enable"}[disabled]+" a Mini Program",
		"Of a disabled Mini Program no platform's call is served; enabled, everything is as before.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			m, err := c.ChangeMiniProgram(cmd.Context(), args[0], cloud.MiniProgramChange{Disabled: cloud.Given(disabled)})
			return answer{m, fmt.Sprintf("Mini Program %s is %s, with %s", m.AppID, inUse(m.Disabled, false), m.Counts)}, err
		})
}
