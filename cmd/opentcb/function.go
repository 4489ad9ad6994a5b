package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func functionCommand() *cobra.Command {
	return groupCommand("function", "See and remove functions",
		functionListCommand(), functionShowCommand(), functionRemoveCommand())
}

func functionListCommand() *cobra.Command {
	return remoteCommand("list ENV", "List the functions of an environment", "List the functions of an environment by name.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			return listed([]string{"name", "owner", "size", "modified", "variables"}, func(f cloud.FunctionView) []string {
				return []string{f.Name, f.Owner, fmt.Sprint(f.Size), local(f.ModifiedAt), strings.Join(f.Environment, " ")}
			}, func(each func(cloud.FunctionView) error) error { return c.Functions(cmd.Context(), args[0], each) })
		})
}

func functionShowCommand() *cobra.Command {
	return remoteCommand("show ENV FUNCTION", "Show a function",
		"Show whose a function's code is, which, and how the function is configured: of variables the\nkeys, and what has no effect here.",
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			f, err := c.Function(cmd.Context(), args[0], args[1])
			return answer{f, pairs("name", f.Name, "owner", f.Owner, "sha256", f.Sum, "size", fmt.Sprint(f.Size),
				"handler", f.Handler, "added_at", local(f.AddedAt), "modified_at", local(f.ModifiedAt),
				"timeout", fmt.Sprint(f.Timeout, " s"), "variables", strings.Join(f.Environment, " "),
				"openapi", withoutEffect(f.APIs), "triggers", withoutEffect(triggers(f.Triggers)))}, err
		})
}

// withoutEffect joins what is configured, and says that it does nothing.
func withoutEffect(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, ", ") + " (no effect here)"
}

// triggers writes each timer by its name.
func triggers(list []cloud.Trigger) []string {
	var all []string
	for _, t := range list {
		all = append(all, t.Name+" "+t.Config)
	}
	return all
}

func functionRemoveCommand() *cobra.Command {
	var yes bool
	cmd := remoteCommand("remove ENV FUNCTION", "Remove a function",
		"Remove a function. Links to its code are dead at once; opentcb gc collects the code.",
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			f, err := c.Function(cmd.Context(), args[0], args[1])
			if err == nil && !yes {
				err = confirm(cmd, fmt.Sprintf("function %s of %s has code of %d bytes. Remove it?", f.Name, args[0], f.Size))
			}
			if err == nil {
				err = c.RemoveFunction(cmd.Context(), args[0], args[1])
			}
			return answer{map[string]string{"environment": args[0], "function": args[1], "change": "removed"},
				"removed function " + args[1] + " of " + args[0]}, err
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
