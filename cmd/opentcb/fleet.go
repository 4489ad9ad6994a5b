package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/opentcb/opentcb/internal/fleet"
	"github.com/opentcb/opentcb/tcb"
)

func fleetCommand() *cobra.Command {
	return groupCommand("fleet", "Bring many Mini Programs to what a file says",
		fleetPlanCommand(), fleetApplyCommand(), fleetDriftCommand(), fleetBackupCommand())
}

// fleetFlags are the flags of the commands on a fleet.
type fleetFlags struct {
	provider
	only      []string
	workers   int
	rate      int
	stopAfter int
	bar       *progress
}

// fleetCmd makes a command on a fleet. do gets the fleet that file names, and how
// to work on it. An invalid file is wrong usage.
func fleetCmd(use, short, long string, args cobra.PositionalArgs, file func(args []string) string,
	do func(cmd *cobra.Command, f *fleetFlags, run *fleet.Run, what *fleet.Fleet, args []string) error,
) *cobra.Command {
	f := &fleetFlags{}
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: usageArgs(args)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		what, err := fleet.Read(file(args))
		if err != nil {
			return usageError{err}
		}
		if len(f.only) > 0 && what.Only(f.only) == 0 {
			return usageError{fmt.Errorf("--only %s matches nothing in the file", strings.Join(f.only, ", "))}
		}
		if f.profile == "" {
			f.profile = what.Profile
		}
		run, err := f.run(cmd.Context())
		if err != nil {
			return err
		}
		f.bar = newProgress(cmd.ErrOrStderr())
		defer f.bar.end()
		run.Progress = f.bar.environments
		return do(cmd, f, run, what, args)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.baseURL, "base-url", "", "where the interfaces are (default: the profile's)")
	flags.StringVar(&f.profile, "profile", "", "profile to use (default: the file's, else the only one)")
	flags.StringVar(&f.profiles, "profiles", "", profilesHelp)
	jsonFlag(cmd)
	f.tls.add(flags)
	flags.StringArrayVar(&f.only, "only", nil,
		"pattern of Mini Programs, environments or groups to work on; give it once for each")
	flags.IntVar(&f.workers, "workers", 8, "Mini Programs at once")
	flags.IntVar(&f.rate, "rate", 20, "calls per second at most, all workers together; 0: no limit")
	flags.IntVar(&f.stopAfter, "stop-after", 50, "end the run when so many environments have failed; 0: never")
	return cmd
}

// fileArgument is the FILE of a command that takes one.
func fileArgument(args []string) string { return args[0] }

// run makes the clients of the profile.
func (f *fleetFlags) run(ctx context.Context) (*fleet.Run, error) {
	if f.workers < 1 || f.workers > 1000 || f.rate < 0 {
		return nil, usageError{errors.New("--workers must be 1 to 1000, and --rate not below 0")}
	}
	chosen, err := f.chosenProfile()
	if err != nil {
		return nil, err
	}
	transport, err := f.transport(chosen)
	if err != nil {
		return nil, err
	}
	s := f.open(chosen, pacedHTTP(transport, f.workers, f.rate))
	if err := s.CheckSecrets(ctx); err != nil { // told once, and not for each environment
		return nil, usageError{err}
	}
	return &fleet.Run{Workers: f.workers, StopAfter: f.stopAfter, Client: func(appid string) (*tcb.Client, error) {
		if appid == chosen.Platform {
			return s.Platform(), nil // a platform's own environments
		}
		m, ok := chosen.MiniProgram(appid)
		if !ok {
			return nil, fmt.Errorf("profile %s has no refresh token for %s: name it there, or give refresh_token for all",
				chosen.Name, appid)
		}
		return s.MiniProgram(m), nil
	}}, nil
}

// printReport prints what differs, was changed or failed, and a summary.
func (f *fleetFlags) printReport(cmd *cobra.Command, r *fleet.Report) error {
	f.bar.end()
	if asJSON(cmd) {
		return answer{v: r}.print(cmd)
	}
	printResults(cmd.OutOrStdout(), r.Results)
	_, err := fmt.Fprintln(cmd.OutOrStdout(), summary(r))
	return err
}

func printResults(w io.Writer, results []fleet.Result) {
	for _, res := range results {
		fmt.Fprintf(w, "%s %s %s\n", res.AppID, res.Env, res.Outcome)
		for _, c := range res.Changes {
			fmt.Fprintln(w, "  "+c.String())
		}
		if res.Error != "" {
			fmt.Fprintln(w, "  "+res.Error)
		}
	}
}

// summary writes a report in a line.
func summary(r *fleet.Report) string {
	parts := []string{}
	for _, p := range []struct {
		n    int
		what string
	}{
		{r.Before, "done before"}, {r.Same, "as wanted"}, {r.Changed, "changed"},
		{r.Differ, "differ"}, {r.Failed, "failed"}, {r.Left, "left"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	text := fmt.Sprintf("%s: %s", many(r.Total, "environment"), strings.Join(parts, ", "))
	if r.Stopped == context.Canceled.Error() {
		return text + " (interrupted)"
	}
	if r.Stopped != "" {
		return text + " (" + r.Stopped + ")"
	}
	return text
}

// notAll returns err, or else an error if the run did not leave all as wanted.
func notAll(err error, r *fleet.Report) error {
	if err != nil || r.AllDone() {
		return err
	}
	return statusError{errors.New(summary(r)), statusNotAll}
}

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

func fleetBackupCommand() *cobra.Command {
	var file string
	cmd := fleetCmd("backup DIR", "Save the code of all functions, only what is new",
		`Download and verify the code of every function of the environments in the file, the
functions that it does not name too. In DIR each piece of code is there once, as
code/SHA256.zip; what is there already is hashed and not downloaded again. Each
backup writes a JSON file that says which function had which code. Code that another
platform uploaded cannot be downloaded, and is listed as such.`,
		cobra.ExactArgs(1), func([]string) string { return file },
		func(cmd *cobra.Command, f *fleetFlags, run *fleet.Run, what *fleet.Fleet, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
				return usageError{fmt.Errorf("%s is a file: name the folder of the backups, and with --file whose code", args[0])}
			}
			b, err := fleet.OpenBackup(args[0])
			if err != nil {
				return usageError{err}
			}
			report, snapshot, err := run.Backup(cmd.Context(), what, b)
			f.bar.end()
			if err != nil {
				return err
			}
			text := fmt.Sprintf("code of %s is in %s: %s downloaded, %s; %d without code of this platform's",
				many(len(snapshot.Functions), "function"), args[0], many(snapshot.Downloaded, "piece"),
				size(snapshot.Bytes), len(snapshot.NotOurs))
			out := backupJSON{len(snapshot.Functions), len(snapshot.NotOurs), snapshot.Downloaded, snapshot.Bytes, report}
			if !asJSON(cmd) {
				printResults(cmd.OutOrStdout(), report.Results)
			}
			return notAll(answer{out, text}.print(cmd), report)
		})
	cmd.Flags().StringVar(&file, "file", "fleet.yaml", "file that says whose code")
	return cmd
}

// backupJSON is a backup as --json prints it.
type backupJSON struct {
	Functions  int           `json:"functions"`
	NotOurs    int           `json:"not_ours"`
	Downloaded int           `json:"downloaded"`
	Bytes      int64         `json:"bytes"`
	Report     *fleet.Report `json:"report"`
}

// callTime is how long a call may take; one of a fleet, once it is its turn.
const callTime = 30 * time.Second

// pacedHTTP returns an HTTP client for so many workers, which together make no
// more than perSecond requests; 0 is no limit.
func pacedHTTP(transport *http.Transport, workers, perSecond int) *http.Client {
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = workers
	if perSecond == 0 {
		return &http.Client{Transport: transport, Timeout: callTime}
	}
	// The timeout runs while a call waits for its turn.
	turn := time.Duration(workers) * time.Second / time.Duration(perSecond)
	limit := rate.NewLimiter(rate.Limit(perSecond), 1)
	return &http.Client{Transport: paced{limit, transport}, Timeout: callTime + 2*turn}
}

// paced sends requests at a bounded rate.
type paced struct {
	limit *rate.Limiter
	next  http.RoundTripper
}

func (p paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := p.limit.Wait(r.Context()); err != nil {
		return nil, err
	}
	return p.next.RoundTrip(r)
}
