package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func miniProgramCommand() *cobra.Command {
	n := noun[cloud.MiniProgram, cloud.MiniProgramChange]{
		name: "miniprogram", arg: "APPID", what: "a Mini Program", get: (*admin.Client).MiniProgram,
		put: (*admin.Client).PutMiniProgram, change: (*admin.Client).ChangeMiniProgram,
		flags: miniProgramFlags, text: miniProgramText,
	}
	const states = "Of a disabled Mini Program no platform's call is served; enabled, everything is as before."
	state := func(m cloud.MiniProgram) string {
		return fmt.Sprintf("Mini Program %s is %s, with %s", m.AppID, inUse(m.Disabled, false), m.Counts)
	}
	return groupCommand("miniprogram", "See and change Mini Programs",
		listCommand("List the Mini Programs", "List all Mini Programs by appid.",
			[]string{"appid", "name", "state", "authorizations"}, func(m cloud.MiniProgram) []string {
				return []string{m.AppID, m.Name, inUse(m.Disabled, m.Removing), fmt.Sprint(m.Counts.Authorizations)}
			}, (*admin.Client).MiniPrograms),
		n.show("Show a Mini Program, and how much there is below it."),
		n.add("Make a Mini Program", "Make a Mini Program."),
		n.set("Change what the flags name; the rest stays."),
		n.switching("disable", "Disable", states, cloud.MiniProgramChange{Disabled: cloud.Given(true)}, state),
		n.switching("enable", "Enable", states, cloud.MiniProgramChange{Disabled: cloud.Given(false)}, state),
		removeCommand("miniprogram", "APPID", (*admin.Client).RemoveMiniProgram))
}

func miniProgramText(m cloud.MiniProgram) string {
	return pairs("appid", m.AppID, "name", m.Name, "state", inUse(m.Disabled, m.Removing), "principal", m.Principal,
		"below it", m.Counts.String(), "created_at", local(m.CreatedAt), "cloud", onOff(m.Cloud))
}

// miniProgramFlags adds the flags of what is said of a Mini Program, and returns what
// reads them.
func miniProgramFlags(cmd *cobra.Command) func() (cloud.MiniProgramChange, error) {
	name := cmd.Flags().String("name", "", "what it is called; \"\" takes the name away")
	principal := cmd.Flags().String("principal", "", "whom it belongs to")
	open := cmd.Flags().Bool("cloud", true, "cloud development is opened")
	return func() (cloud.MiniProgramChange, error) {
		return cloud.MiniProgramChange{
			Name: given(cmd, "name", *name), Principal: given(cmd, "principal", *principal), Cloud: given(cmd, "cloud", *open),
		}, nil
	}
}
