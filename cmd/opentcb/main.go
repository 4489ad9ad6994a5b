// Command opentcb is the server of the cloud-development interfaces, and the
// operator's commands for one. "opentcb help" is its manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit statuses, which scripts depend on.
const (
	statusDone    = 0
	statusRefused = 1 // the server refused or could not be reached
	statusUsage   = 2 // the command was used wrongly
)

// usageError is a command used wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run carries out a command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return statusDone
	}
	_, isUsage := errors.AsType[usageError](err)
	if !isUsage && cmd == root { // cobra's own error, the only one there
		isUsage, err = true, unknownCommand(root, args)
	}
	fmt.Fprintln(stderr, "opentcb: "+describe(err))
	if isUsage {
		path := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), "opentcb"), " help")
		fmt.Fprintf(stderr, "Run 'opentcb help%s' for its manual.\n", path)
		return statusUsage
	}
	if own, ok := errors.AsType[statusError](err); ok {
		return own.status
	}
	return statusRefused
}

// unknownCommand names the command that was perhaps meant.
func unknownCommand(root *cobra.Command, args []string) error {
	name := args[slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })]
	if meant := root.SuggestionsFor(name); len(meant) > 0 {
		return usageError{fmt.Errorf("unknown command %q; did you mean %s?", name, strings.Join(meant, " or "))}
	}
	return usageError{fmt.Errorf("unknown command %q", name)}
}

// describe writes an error for a person, with the errcode of a refusal.
func describe(err error) string {
	r, ok := errors.AsType[*admin.Refusal](err)
	if !ok {
		return err.Error()
	}
	return fmt.Sprintf("%v (errcode %d)", err, r.Code)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "opentcb",
		Short:         "The cloud-development interfaces for third-party platforms, self-hosted",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(suggestFlag)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags()) }
	root.AddCommand(
		devCommand(), serveCommand(),
		applyCommand(), ticketCommand(), authorizeCommand(), revokeCommand(), deployCommand(), auditCommand(),
		gcCommand(), scrubCommand(), backupCommand(), restoreBackupCommand(),
		profileCommand(), getCodeSecretCommand(), useCloudAccessTokenCommand(), createFunctionCommand(), listFunctionsCommand(),
		uploadFunctionCommand(), downloadFunctionCommand(), fleetCommand(), conformanceCommand(),
		tokenCommand(), agentCommand(), envCredentialCommand(), explainCommand(), whitelistCommand(),
		versionCommand(),
	)
	root.SetHelpCommand(helpCommand(root))
	for _, cmd := range allCommands(root) {
		nameVariables(cmd.Flags())
	}
	return root
}

// allCommands are the commands below one, and those below them.
func allCommands(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(append(all, sub), allCommands(sub)...)
	}
	return all
}

// groupCommand makes a command that only has others below it.
func groupCommand(name, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, SuggestionsMinimumDistance: 2, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args)
		}
		return usageError{fmt.Errorf("%s what?", cmd.CommandPath())}
	}}
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

// usageArgs makes a wrong number of arguments a usageError.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s; given: %q", err, cmd.UseLine(), args)}
		}
		return nil
	}
}
