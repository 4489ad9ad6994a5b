package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
	best, distance := "", 4
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if d := editDistance(m[1], f.Name); d < distance {
			best, distance = f.Name, d
		}
	})
	if best == "" {
		return usageError{err}
	}
	return usageError{fmt.Errorf("%w; did you mean --%s?", err, best)}
}

// editDistance is how many letters have to be changed, added or dropped to
// turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
