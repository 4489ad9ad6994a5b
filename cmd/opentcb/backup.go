package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/secretfile"
)

func backupCommand() *cobra.Command {
	var force bool
	cmd := remoteCommand("backup FILE", "Back a running server up into one file",
		`Write everything that a running server keeps into FILE: all rows as of one
moment, and the code that they name. What is sealed stays sealed, and the master
key is not in it: keep that elsewhere. FILE is there only once the whole archive
was written, synced, read again and verified, and only its owner can read it.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if err := isFree(args[0], force); err != nil {
				return answer{}, err
			}
			p := newProgress(cmd.ErrOrStderr())
			s, err := backUp(cmd.Context(), c, args[0], force, p)
			p.end()
			return answer{s, "backed up into " + args[0] + ": " + summaryText(s)}, err
		})
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it is there")
	cmd.AddCommand(verifyCommand())
	return cmd
}

// isFree returns an error if the file is there and may not be replaced.
func isFree(file string, force bool) error {
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usageError{err}
	case !info.Mode().IsRegular():
		return usageError{fmt.Errorf("%s is there, and is not a file", file)}
	case !force:
		return usageError{fmt.Errorf("%s is there already: give another name, or --force", file)}
	}
	return nil
}

// backUp fetches an archive, and gives it its name once it is verified.
func backUp(ctx context.Context, c *admin.Client, file string, force bool, p *progress) (backup.Summary, error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".opentcb-backup-*") // mode 0600
	if err != nil {
		return backup.Summary{}, usageError{err}
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	defer tmp.Close()
	if err := c.Backup(ctx, p.counting("backing up", tmp)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the backup broke off: the server's log says why")
		}
		return backup.Summary{}, err
	}
	if _, err = tmp.Seek(0, io.SeekStart); err == nil {
		err = tmp.Sync()
	}
	if err != nil {
		return backup.Summary{}, err
	}
	s, err := backup.Verify(ctx, tmp, nil, p.bytes)
	if err != nil {
		return s, fmt.Errorf("what the server sent: %w", err)
	}
	if err := isFree(file, force); err != nil { // somebody may have been quicker
		return s, err
	}
	if err = tmp.Close(); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return s, err
	}
	return s, secretfile.SyncFolder(filepath.Dir(file))
}

func verifyCommand() *cobra.Command {
	cfg := node.Default()
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a backup without restoring it",
		Long: `Read a backup to its end: every byte is as it was written, every row has its
values, and the code of every function is there and sound. No server is needed.
FILE may be - for standard input.

With the master key it also finds out whether a server with that key made the
backup, and nobody altered it. The key is named with --master-key-file,
--master-key-command or the variable OPENTCB_MASTER_KEY.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openArchive(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer in.Close()
			p := newProgress(cmd.ErrOrStderr())
			cfg.MasterKey = os.Getenv("OPENTCB_MASTER_KEY") // no flag: others can see arguments
			s, authentic, err := node.VerifyBackup(cmd.Context(), cfg, in, p.bytes)
			p.end()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			verdict := "complete, but not authenticated: "
			if authentic {
				verdict = "complete and authentic: "
			}
			return answer{verified{s, authentic}, verdict + summaryText(s)}.print(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.MasterKeyFile, "master-key-file", "",
		"file with the master key; without a key it is not known who made the backup")
	f.StringVar(&cfg.MasterKeyCommand, "master-key-command", "",
		"command that prints it, run by the shell; the key itself can be given in the variable OPENTCB_MASTER_KEY")
	jsonFlag(cmd)
	return cmd
}

// verified is what is told of a backup that was verified.
type verified struct {
	backup.Summary
	Authenticated bool `json:"authenticated"` // made under the master key that was given
}

func openArchive(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{err}
	}
	return f, nil
}

// summaryText describes what an archive holds.
func summaryText(s backup.Summary) string {
	return fmt.Sprintf("%d rows and %d pieces of code (%s), made %s by %s, schema %d, master key %s, sha256 %s",
		s.RowCount(), s.Code, size(s.CodeBytes), s.Made, s.Program, s.Schema, s.MasterKey, s.SHA256)
}

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
