package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
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

// listed reads a list to its end: columns are the names of its table's columns, and row
// returns what is in them of one thing.
func listed[T any](columns []string, row func(T) []string, list func(each func(T) error) error) (answer, error) {
	all, rows := []T{}, [][]string{columns}
	err := list(func(v T) error {
		all, rows = append(all, v), append(rows, row(v))
		return nil
	})
	return answer{all, table(rows)}, err
}

// filter is a flag that chooses from a list: its name, and what is said of it.
type filter struct{ name, usage string }

// listCommand makes a command that lists things: all, or those that filters choose.
func listCommand[T any](
	short, long string, columns []string, row func(T) []string,
	list func(c *admin.Client, ctx context.Context, query url.Values, each func(T) error) error, filters ...filter,
) *cobra.Command {
	chosen := map[string]*string{}
	cmd := remoteCommand("list", short, long, 0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
		return listed(columns, row, func(each func(T) error) error {
			return list(c, cmd.Context(), listQuery(cmd, chosen), each)
		})
	})
	for _, f := range filters {
		chosen[f.name] = cmd.Flags().String(f.name, "", f.usage)
	}
	return cmd
}

// listQuery is the query of a list: its flags that were given, and the largest pages.
func listQuery(cmd *cobra.Command, flags map[string]*string) url.Values {
	query := url.Values{"limit": {"1000"}}
	for name, value := range flags {
		if cmd.Flags().Changed(name) {
			query.Set(strings.ReplaceAll(name, "-", "_"), *value)
		}
	}
	return query
}

// noun makes the commands of a resource: V is how it is shown, C what can be changed.
type noun[V, C any] struct {
	name, arg, what string // the group's name, its argument's, and in a sentence: platform, APPID, a platform

	get         func(c *admin.Client, ctx context.Context, id string) (V, error)
	put, change func(c *admin.Client, ctx context.Context, id string, with C) (V, error)
	flags       func(*cobra.Command) func() (C, error) // adds the flags of a change, and returns what reads them
	text        func(V) string
}

func (n noun[V, C]) show(long string) *cobra.Command {
	return remoteCommand("show "+n.arg, "Show "+n.what, long,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			v, err := n.get(c, cmd.Context(), args[0])
			return answer{v, n.text(v)}, err
		})
}

func (n noun[V, C]) add(short, long string) *cobra.Command {
	return n.changing("add", short, long, func(c *admin.Client, ctx context.Context, id string, with C) (V, error) {
		if there, err := n.get(c, ctx, id); err == nil {
			return there, fmt.Errorf("there is %s %s: 'opentcb %s set' changes it", n.what, id, n.name)
		}
		return n.put(c, ctx, id, with)
	})
}

func (n noun[V, C]) set(long string) *cobra.Command {
	return n.changing("set", "Change what is said of "+n.what, long,
		func(c *admin.Client, ctx context.Context, id string, with C) (v V, err error) {
			if reflect.ValueOf(with).IsZero() {
				return v, usageError{errors.New("nothing to change: no flag says what")}
			}
			return n.change(c, ctx, id, with)
		})
}

// changing makes a command that does something with what its flags say.
func (n noun[V, C]) changing(
	verb, short, long string, do func(c *admin.Client, ctx context.Context, id string, with C) (V, error),
) *cobra.Command {
	var read func() (C, error)
	cmd := remoteCommand(verb+" "+n.arg, short, long,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			with, err := read()
			if err != nil {
				return answer{}, err
			}
			v, err := do(c, cmd.Context(), args[0], with)
			return answer{v, n.text(v)}, err
		})
	read = n.flags(cmd)
	return cmd
}

// switching makes a command that makes one change, and prints what is said of the result.
func (n noun[V, C]) switching(use, short, long string, with C, said func(V) string) *cobra.Command {
	return remoteCommand(use+" "+n.arg, short+" "+n.what, long,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			v, err := n.change(c, cmd.Context(), args[0], with)
			return answer{v, said(v)}, err
		})
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
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return usageError{errors.New(question + " Without a terminal, say so with --yes")}
	}
	fmt.Fprint(cmd.ErrOrStderr(), question+" (yes or no) ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil && strings.TrimSpace(line) == "yes" {
		return nil
	}
	return errors.New("nothing was removed: the answer was not yes")
}
