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

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/words"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out a command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(words.NewWriter(stdout))
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return statusDone
	}
	_, isUsage := errors.AsType[usageError](err)
	if !isUsage && cmd == root { // cobra's own error, the only one there
		isUsage, err = true, unknownCommand(root, args)
	}
	fmt.Fprintln(words.NewWriter(stderr), "opentcb: "+describe(err))
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

// unknownCommand names the command that was perhaps meant, also where the words were
// swapped.
func unknownCommand(root *cobra.Command, args []string) error {
	at := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	name := args[at]
	if at+1 < len(args) {
		if cmd, rest, err := root.Find([]string{args[at+1], name}); err == nil && len(rest) == 0 {
			return usageError{fmt.Errorf("unknown command %q; did you mean %s?", name, cmd.CommandPath())}
		}
	}
	if meant := root.SuggestionsFor(name); len(meant) > 0 {
		return usageError{fmt.Errorf("unknown command %q; did you mean %s?", name, strings.Join(meant, " or "))}
	}
	return usageError{fmt.Errorf("unknown command %q", name)}
}

func init() {
	cobra.EnableCommandSorting = false // help shows commands in the order of use
	cobra.AddTemplateFunc("wrapped", wrapped)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "opentcb",
		Short:         "The cloud-development interfaces for third-party platforms, self-hosted",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(suggestFlag)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) }
	addGroup(root, "Run:", devCommand(), serveCommand(), interceptCommand(), relayCommand(), versionCommand())
	addGroup(root, "See and change:", platformCommand(), miniProgramCommand(), environmentCommand(),
		consentCodeCommand(), authorizationCommand(), functionCommand(), worldCommand(), applyCommand(),
		authorizeCommand(), revokeCommand(false), deployCommand(), ticketCommand(), pushCommand(), whitelistCommand(),
		explainCommand())
	addGroup(root, "Call as a platform:", profileCommand(), getCodeSecretCommand(), useCloudAccessTokenCommand(),
		createFunctionCommand(), listFunctionsCommand(), uploadFunctionCommand(), downloadFunctionCommand(),
		invokeCloudFunctionCommand(), uploadFuncConfigCommand(), getFuncConfigCommand(), conformanceCommand())
	addGroup(root, "Fleets:", fleetCommand())
	addGroup(root, "Runtime:", envCredentialCommand(), agentCommand(), runnerCommand(), tokenCommand())
	addGroup(root, "Test:", clockCommand(), resetCommand(), snapshotCommand(), faultCommand(), journalCommand())
	addGroup(root, "Care:", statusCommand(), auditCommand(), adminTokenCommand(), logLevelCommand(), backupCommand(),
		restoreBackupCommand(), scrubCommand(), gcCommand())
	root.SetHelpCommand(helpCommand(root))
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".LocalFlags.FlagUsages", "wrapped .LocalFlags"))
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		nameVariables(cmd)
		help(cmd, args)
	})
	for _, cmd := range allCommands(root) {
		setExample(cmd)
	}
	return root
}

// addGroup adds commands that help shows under one title.
func addGroup(root *cobra.Command, title string, cmds ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range cmds {
		cmd.GroupID = title
	}
	root.AddCommand(cmds...)
}

// allCommands are the commands below one, and those below them.
func allCommands(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(append(all, sub), allCommands(sub)...)
	}
	return all
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usageArgs(cobra.ExactArgs(0)),
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), node.Version())
		},
	}
}
