package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

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
	flags.BoolVar(&f.json, "json", false, "print one JSON value")
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
