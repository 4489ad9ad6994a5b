package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func explainCommand() *cobra.Command {
	return remoteCommand("explain RID", "Print why a call was refused",
		`Print why the call was refused whose errmsg ended with this rid: which environment,
which version of its permission was in force, and the entry that comes nearest.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			x, err := c.Explain(cmd.Context(), args[0])
			return answer{admin.ExplanationOf(x), explanation(x)}, err
		})
}

// explanation writes an explanation for a person.
func explanation(x cloud.Explanation) string {
	lines := []string{moment(x.At) + "  " + x.Action}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-12s %s", name, value))
		}
	}
	add("platform", x.Platform)
	add("account", x.AppID)
	add("environment", x.Env)
	add("on", x.Target)
	add("path", x.Path)
	if x.Version > 0 {
		add("version", fmt.Sprint(x.Version))
	}
	add("answer", fmt.Sprintf("%d %s", x.Code, x.Code.Text()))
	add("because", x.Reason)
	return strings.Join(lines, "\n")
}
