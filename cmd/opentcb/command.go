package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// groupCommand makes a command that does nothing but group others.
func groupCommand(name, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, sub := range cmd.Commands() {
				names = append(names, sub.Name())
			}
			if len(args) > 0 && len(cmd.SuggestionsFor(args[0])) == 0 {
				return usageError{fmt.Errorf("%s has no command %q: give one of %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))}
			}
			if len(args) > 0 {
				return unknownCommand(cmd, args)
			}
			return usageError{fmt.Errorf("%s needs one of %s", cmd.CommandPath(), strings.Join(names, ", "))}
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}

func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the manual of a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, _, err := root.Find(args)
			if err != nil {
				return unknownCommand(root, args)
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// switchHint says how the value of a switch is written, if it was given as an
// argument.
func switchHint(cmd *cobra.Command, args []string) (hint string) {
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "true" || arg == "false" })
	if i < 0 {
		return ""
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "bool" && f.Value.String() == "true" && hint == "" {
			hint = fmt.Sprintf("; write --%s=%s", f.Name, args[i])
		}
	})
	return hint
}

// usageArgs makes a wrong number of arguments a usageError.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		what, given := "an argument is missing", "nothing"
		for i := range args { // would fewer do?
			if check(cmd, args[:i]) == nil {
				what = "there are too many arguments"
			}
		}
		if len(args) > 0 {
			given = fmt.Sprintf("%q", args)
		}
		return usageError{fmt.Errorf("%s; usage: %s; given: %s%s", what, cmd.UseLine(), given, switchHint(cmd, args))}
	}
}
