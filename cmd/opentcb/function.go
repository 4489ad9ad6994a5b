package main

import (
	"fmt"

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
			all, rows := []cloud.FunctionView{}, [][]string{{"name", "owner", "size", "modified"}}
			err := c.Functions(cmd.Context(), args[0], func(f cloud.FunctionView) error {
				all = append(all, f)
				rows = append(rows, []string{f.Name, f.Owner, fmt.Sprint(f.Size), local(f.ModifiedAt)})
				return nil
			})
			return answer{all, table(rows)}, err
		})
}

func functionShowCommand() *cobra.Command {
	return remoteCommand("show ENV FUNCTION", "Show a function", "Show whose a function's code is, and which.",
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			f, err := c.Function(cmd.Context(), args[0], args[1])
			return answer{f, pairs("name", f.Name, "owner", f.Owner, "sha256", f.Sum, "size", fmt.Sprint(f.Size),
				"handler", f.Handler, "added_at", local(f.AddedAt), "modified_at", local(f.ModifiedAt))}, err
		})
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
