package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/words"
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

// variable is the environment variable of a flag: --admin-listen is
// OPENTCB_ADMIN_LISTEN.
func variable(flag string) string {
	return "OPENTCB_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settings are the flags of commands that have a variable: the connection to a
// server, and the form of the output. What belongs to one call has none, since a
// variable of such a name is likely somebody else's.
var settings = []string{
	"admin", "admin-token", "data", "base-url", "profile", "profiles", "appid", "json",
	"ca-file", "client-cert", "client-key", "database", "blobs", "master-key-file", "master-key-command",
}

// hasVariable reports whether a flag of a command is a setting. What runs for
// long has nothing but settings, and --vouch-rows, which is said at one start.
func hasVariable(cmd *cobra.Command, flag string) bool {
	switch cmd.Name() {
	case "serve", "dev", "agent", "relay":
		return flag != "help" && flag != "vouch-rows"
	}
	path := cmd.CommandPath()
	if flag == "appid" && (strings.HasPrefix(path, "opentcb fault") || strings.HasPrefix(path, "opentcb journal")) {
		return false // whose calls are meant is said each time
	}
	return slices.Contains(settings, flag)
}

// nameVariables adds to the description of each setting the variable that sets
// it.
func nameVariables(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if hasVariable(cmd, f.Name) {
			f.Usage += " [" + variable(f.Name) + "]"
		}
	})
}

// flagColumn is what stands before the description of a flag.
var flagColumn = regexp.MustCompile(`^ +(-\w, )?--\S+( \S+)? +`)

// wrapped describes flags within 80 columns, but for words that are wider.
func wrapped(flags *pflag.FlagSet) string {
	var b strings.Builder
	for line := range strings.Lines(flags.FlagUsages()) {
		name := flagColumn.FindString(line)
		b.WriteString(name)
		at, between := len(name), ""
		for word := range strings.FieldsSeq(line[len(name):]) {
			if at+1+len(word) > 80 && between != "" {
				at, between = len(name), "\n"+strings.Repeat(" ", len(name))
			}
			b.WriteString(between + word)
			at, between = at+1+len(word), " "
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// fromEnvironment sets the settings that were not given from their variables. An
// empty variable counts as none.
func fromEnvironment(cmd *cobra.Command) (err error) {
	flags := cmd.Flags()
	flags.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if f.Changed || value == "" || err != nil || !hasVariable(cmd, f.Name) {
			return
		}
		if bad := flags.Set(f.Name, value); bad != nil {
			err = usageError{fmt.Errorf("environment variable %s: %w", variable(f.Name), plainer(bad))}
		}
	})
	return err
}

// unknownFlag finds the name in pflag's complaint.
var unknownFlag = regexp.MustCompile(`^unknown flag: --([^ =]+)`)

// goValue finds what Go's library says of a value.
var goValue = regexp.MustCompile(`: (?:strconv\.(Parse\w+)|time): .*$`)

// plainer says of a flag's value what it must be, where Go's library speaks of its
// own functions.
func plainer(err error) error {
	m := goValue.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	want := map[string]string{
		"": "give a span such as 90s or 24h", "ParseBool": "give true or false, behind an equals sign",
	}[m[1]]
	if want == "" {
		want = "give a whole number"
	}
	return fmt.Errorf("%s: %s", strings.TrimSuffix(err.Error(), m[0]), want)
}

// suggestFlag names the flag that was perhaps meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return usageError{plainer(err)}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if sub, _, noSuch := cmd.Find([]string{m[1]}); noSuch == nil && sub != cmd {
		return usageError{fmt.Errorf("%w; did you mean %s?", err, sub.CommandPath())}
	}
	best := words.Nearest(m[1], names)
	if best == "" {
		return usageError{err}
	}
	return usageError{fmt.Errorf("%w; did you mean --%s?", err, best)}
}
