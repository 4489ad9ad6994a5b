package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/node"
)

func restoreBackupCommand() *cobra.Command {
	cfg := node.Default()
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup into empty storage",
		Long: `Restore a backup into storage that is empty: the data folder, or with --database
and --blobs Postgres and a bucket, whichever it was made from. FILE is verified
whole before anything is written, and the rows come in one transaction: when it
fails, there are none, and you can retry.

No server may run on the storage meanwhile. The master key is not in the backup:
copy it from the server that was backed up to DIR/master-key, or name it with
--master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.MasterKey = os.Getenv("OPENTCB_MASTER_KEY") // no flag: others can see arguments
			if err := cfg.CheckStorage(); err != nil {
				return usageError{err}
			}
			file, err := os.Open(args[0])
			if err != nil {
				return usageError{err}
			}
			defer file.Close()
			p := newProgress(cmd.ErrOrStderr())
			s, err := node.Restore(cmd.Context(), cfg, file, p.bytes)
			p.end()
			if err != nil {
				return fmt.Errorf("nothing was restored: %w", err)
			}
			return answer{s, "restored " + summaryText(s)}.print(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Data, "data", cfg.Data, "data folder, which is made if it is not there")
	f.StringVar(&cfg.Database, "database", "", "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full; better given by the variable, since others can see arguments (default: SQLite in the data folder)")
	f.StringVar(&cfg.Blobs, "blobs", "", "where code is kept, as 'opentcb help serve' says (default: a folder in the data folder)")
	f.StringVar(&cfg.MasterKeyFile, "master-key-file", "", "file with the master key that the backup needs (default: master-key in the data folder)")
	f.StringVar(&cfg.MasterKeyCommand, "master-key-command", "", "command that prints it, run by the shell; the key itself can be given in the variable OPENTCB_MASTER_KEY")
	jsonFlag(cmd)
	return cmd
}
