package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/fleet"
)

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
			if !f.json {
				printResults(cmd.OutOrStdout(), report.Results)
			}
			return notAll(f.print(cmd.OutOrStdout(), out, text), report)
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
