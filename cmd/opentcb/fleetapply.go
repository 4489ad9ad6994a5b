package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/fleet"
)

const fleetHelp = `
FILE says whom and what:

    miniprograms:
      - {appid: wx1111111111111111, envs: [prod-1a2b3c], groups: [shops]}
    lists: [more.csv]                # lines: appid,env,groups
    rules:                           # all that match count, the later over the earlier
      - open: true
        allow: [/wxa/msg_sec_check]
      - match: {groups: [shops], envs: ["prod-*"]}
        functions:
          pay: {code: functions/pay} # a folder or a zip

What no rule speaks of stays as it is.`

func fleetPlanCommand() *cobra.Command {
	return fleetCmd("plan FILE", "Show what fleet apply would change",
		"Compare every environment of FILE with what the file wants of it, and show the\ndifferences. Nothing is changed.\n"+fleetHelp,
		cobra.ExactArgs(1), fileArgument,
		func(cmd *cobra.Command, f *fleetFlags, run *fleet.Run, what *fleet.Fleet, _ []string) error {
			report := run.Compare(cmd.Context(), what)
			if err := f.printReport(cmd, report); err != nil || report.Failed+report.Left > 0 {
				return notAll(err, report)
			}
			return nil
		})
}

func fleetDriftCommand() *cobra.Command {
	return fleetCmd("drift FILE", "Check that everything is as the file says",
		"Compare like fleet plan, and end with status 7 if anything differs: for monitoring.\nNothing is changed.",
		cobra.ExactArgs(1), fileArgument,
		func(cmd *cobra.Command, f *fleetFlags, run *fleet.Run, what *fleet.Fleet, _ []string) error {
			report := run.Compare(cmd.Context(), what)
			return notAll(f.printReport(cmd, report), report)
		})
}

func fleetApplyCommand() *cobra.Command {
	var resume bool
	var journal string
	cmd := fleetCmd("apply FILE", "Bring every environment to what the file says",
		`Compare every environment of FILE with what the file wants of it, and change what
differs: switch and whitelist by the version that was read, functions that are
missing, code that is another. What is done is remembered in a journal: after
Ctrl-C, a crash or failures, --resume goes on with what is left. Calls that fail for
a moment are retried; one that is over a minute's quota waits for the next minute.

The status is 0 if all is as wanted, and 7 if something failed or is left.`,
		cobra.ExactArgs(1), fileArgument,
		func(cmd *cobra.Command, f *fleetFlags, run *fleet.Run, what *fleet.Fleet, args []string) (err error) {
			if journal == "" {
				journal = args[0] + ".journal"
			}
			if run.Journal, err = fleet.OpenJournal(journal, resume); err != nil {
				return usageError{err}
			}
			report := run.Apply(cmd.Context(), what)
			err = errors.Join(run.Journal.Close(), f.printReport(cmd, report))
			if err == nil && !report.AllDone() {
				err = statusError{fmt.Errorf("%s; go on with --resume", summary(report)), statusNotAll}
			}
			return err
		})
	cmd.Flags().BoolVar(&resume, "resume", false, "go on where the run before ended")
	cmd.Flags().StringVar(&journal, "journal", "", "file that remembers what is done (default: FILE.journal)")
	return cmd
}
