package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// keyCommandTime is how long a command may take to print the master key.
const keyCommandTime = time.Minute

// masterKey reads the master key from where the settings say, or else from a
// file in the folder. That file is made at first start, unless the database is
// bound to a key already: then a new key could not open it. bound is the id of
// that key, or "".
func (d *dataDir) masterKey(ctx context.Context, cfg Config, bound string) ([]byte, error) {
	switch {
	case cfg.MasterKey != "":
		return parseMasterKey([]byte(cfg.MasterKey), "the variable OPENTCB_MASTER_KEY")
	case cfg.MasterKeyCommand != "":
		text, err := runKeyCommand(ctx, cfg.MasterKeyCommand)
		if err != nil {
			return nil, err
		}
		return parseMasterKey(text, "what --master-key-command prints")
	}
	if file := cfg.MasterKeyFile; file != "" && !d.isOwn(file) {
		text, err := secretfile.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the master key file %s is not there: a file that --master-key-file names is never made; mend the name, or make a key with 'openssl rand -base64 32'",
				file)
		}
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		return parseMasterKey(text, file)
	}
	return d.ownMasterKey(bound, cfg.makeMasterKey)
}

// isOwn reports whether a path names the master key of the folder itself.
func (d *dataDir) isOwn(file string) bool {
	given, err := filepath.Abs(file)
	own, err2 := filepath.Abs(d.file(masterKeyFile))
	return err == nil && err2 == nil && given == own
}

// ownMasterKey reads the key in the folder, or makes one.
func (d *dataDir) ownMasterKey(bound string, newKey func() []byte) ([]byte, error) {
	file := d.file(masterKeyFile)
	text, err := d.readSecret(masterKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if bound != "" {
			return nil, fmt.Errorf("the master key %s is missing, and the database needs the one with the id %s: put it there, or name it with --master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY",
				file, bound)
		}
		text = []byte(seal.FormatMasterKey(newKey()))
		err = d.writeSecret(masterKeyFile, text)
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return parseMasterKey(text, file)
}

func parseMasterKey(text []byte, from string) ([]byte, error) {
	master, err := seal.ParseMasterKey(text)
	if err != nil {
		return nil, fmt.Errorf("master key (%s): %w", from, err)
	}
	return master, nil
}

// runKeyCommand runs a command and returns what it printed, the key, which is
// shown nowhere. Its standard error goes to ours, for it explains a failure.
func runKeyCommand(ctx context.Context, command string) ([]byte, error) {
	if runtime.GOOS == "windows" {
		return nil, errors.New("--master-key-command needs a shell, which Windows has not: give --master-key-file or the variable OPENTCB_MASTER_KEY")
	}
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.WaitDelay = time.Second // for what the command left running
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("--master-key-command did not end within %v: it must print the key and end", keyCommandTime)
	}
	if err != nil {
		return nil, fmt.Errorf("--master-key-command failed (%w): it must print the key, 32 bytes in base64, and end with status 0",
			err)
	}
	return out.Bytes(), nil
}
