package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// table writes rows for a person, the first of which are the columns' names.
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // to memory
	return strings.TrimRight(b.String(), "\n")
}

// pairs writes the members of one thing for a person; those that are "" are left out.
func pairs(members ...string) string {
	var rows [][]string
	for i := 0; i+1 < len(members); i += 2 {
		if members[i+1] != "" {
			rows = append(rows, members[i:i+2])
		}
	}
	return table(rows)
}

// local writes a time as the terminal's user reads it; "" for none.
func local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// inUse returns the word for the state of something: in use, disabled or being removed.
func inUse(disabled, removing bool) string {
	switch {
	case removing:
		return "being removed"
	case disabled:
		return "disabled"
	}
	return "in use"
}

// given returns a member of a change if its flag was given.
func given[T any](cmd *cobra.Command, flag string, v T) cloud.Maybe[T] {
	if cmd.Flags().Changed(flag) {
		return cloud.Given(v)
	}
	return cloud.Maybe[T]{}
}

// remover asks a server to remove one thing.
type remover func(c *admin.Client, ctx context.Context, appid string, o cloud.RemovalOptions) (cloud.Removal, error)

// removeCommand makes a command that removes a thing with all below it, once it
// was said what that is.
func removeCommand(noun, arg string, remove remover) *cobra.Command {
	var yes bool
	cmd := remoteCommand("remove "+arg, "Remove it, with all that is below it",
		`Say what goes, ask, and remove it step by step. It can be broken off: the same
command goes on, and until then a platform or Mini Program is disabled.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			o := cloud.RemovalOptions{DryRun: true}
			found, err := remove(c, cmd.Context(), args[0], o)
			if err != nil {
				return answer{}, err
			}
			if !yes {
				if err := confirm(cmd, fmt.Sprintf("%s %s has %s. Remove it all?", noun, args[0], found.Left)); err != nil {
					return answer{}, err
				}
			}
			total := cloud.Removal{}
			for !total.Done {
				r, err := remove(c, cmd.Context(), args[0], cloud.RemovalOptions{Cascade: true})
				if err != nil {
					return answer{}, err
				}
				total.Removed = total.Removed.Plus(r.Removed)
				if total.Left, total.Done = r.Left, r.Done; !r.Done {
					fmt.Fprintf(cmd.ErrOrStderr(), "left: %s\n", r.Left)
				}
			}
			return answer{total, fmt.Sprintf("removed %s %s with %s", noun, args[0], total.Removed)}, nil
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks a person on a terminal, and wants yes.
func confirm(cmd *cobra.Command, question string) error {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return usageError{errors.New(question + " Without a terminal, say so with --yes")}
	}
	fmt.Fprint(cmd.ErrOrStderr(), question+" (yes or no) ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil && strings.TrimSpace(line) == "yes" {
		return nil
	}
	return errors.New("nothing was removed")
}
