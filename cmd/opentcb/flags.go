package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/nearest"
)

// variable is the environment variable of a flag: --admin-listen is
// OPENTCB_ADMIN_LISTEN.
func variable(flag string) string {
	return "OPENTCB_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// nameVariables adds to each flag's description the variable that sets it.
func nameVariables(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) { f.Usage += " [" + variable(f.Name) + "]" })
}

// fromEnvironment sets the flags that were not given from their variables. An
// empty variable counts as none.
func fromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if f.Changed || value == "" || err != nil || f.Name == "help" {
			return
		}
		if bad := flags.Set(f.Name, value); bad != nil {
			err = usageError{fmt.Errorf("environment variable %s: %w", variable(f.Name), bad)}
		}
	})
	return err
}

// unknownFlag finds the name in pflag's complaint.
var unknownFlag = regexp.MustCompile(`^unknown flag: --([^ =]+)`)

// suggestFlag names the flag that was perhaps meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	best := nearest.Name(m[1], names)
	if best == "" {
		return usageError{err}
	}
	return usageError{fmt.Errorf("%w; did you mean --%s?", err, best)}
}
