package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// temporary returns how the names of new files begin that are to replace a file.
// os.CreateTemp adds a number.
func temporary(file string) string { return "." + filepath.Base(file) + ".new-" }

// prepare makes the folder of a file if it is not there, removes what a killed
// agent left, and returns an error if the file cannot be replaced.
func prepare(file string, gid int) error {
	if file == "" {
		return errors.New("no file for the token: name one with --out")
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the token's file: %w", err)
	}
	if err := replaceable(file); err != nil {
		return err
	}
	if err := removeLeft(dir, temporary(file)); err != nil {
		return fmt.Errorf("cannot remove what an earlier agent left: %w", err)
	}
	if isMountPoint(file) {
		return mountedError(file)
	}
	tmp, err := os.CreateTemp(dir, temporary(file)+"*")
	if err != nil {
		return fmt.Errorf("cannot write in the folder of the token's file: %w: choose another file with --out, or mend its permissions",
			err)
	}
	err = open(tmp, gid)
	return errors.Join(err, tmp.Close(), remove(tmp.Name()))
}

// mountedError says what to mount in place of the file.
func mountedError(file string) error {
	dir := filepath.Dir(file)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return fmt.Errorf("%s is mounted by itself, and a mounted file cannot be replaced: mount its folder (docker run -v FOLDER:%s)",
		file, dir)
}

// noGroup is the gid of a file that only its owner can read.
const noGroup = -1

// lookUpGroup returns the gid of a group, which is given by name or number.
func lookUpGroup(group string) (int, error) {
	if group == "" {
		return noGroup, nil
	}
	if gid, err := strconv.Atoi(group); err == nil && gid >= 0 {
		return gid, nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return noGroup, fmt.Errorf("--group: %w", err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return noGroup, errors.New("--group: on this system files have no groups")
	}
	return gid, nil
}

// open lets the group read a file that only its owner can read.
func open(f *os.File, gid int) error {
	if gid == noGroup {
		return nil
	}
	if err := f.Chown(-1, gid); err != nil {
		return fmt.Errorf("cannot let the group read the token's file: %w: let the agent's user be in the group of --group", err)
	}
	return f.Chmod(0o640)
}

// replaceable returns an error for what a rename would replace and should not: a
// folder, a device (/dev/null), a pipe, and a link, which would be lost while
// the file it leads to grows old. A file may have any mode; with its first token
// it gets 0600, or 0640 with a group.
func replaceable(file string) error {
	switch info, err := os.Lstat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the token's file: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file with --out", file)
	case info.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%s is a link: name the file itself with --out", file)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not an ordinary file: choose another with --out", file)
	}
	return nil
}

// removeLeft removes the files whose names are the prefix and a number; other
// names belong to the agent of another file. An agent that is replacing the
// same file at this moment fails once and retries.
func removeLeft(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), prefix)
		if !ours || number == "" || strings.Trim(number, "0123456789") != "" || !e.Type().IsRegular() {
			continue
		}
		if err := remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file, which another agent may have removed before.
func remove(file string) error {
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// replace replaces a file with one of that text, which only its owner and the
// group can read: a reader sees the old file or the new one. Nothing is added to the text, not
// even a newline, since the runtime's SDK takes the whole file as the token.
func replace(file, text string, gid int) error {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, temporary(file)+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	if err = open(tmp, gid); err == nil {
		_, err = tmp.WriteString(text)
	}
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	return secretfile.SyncFolder(dir)
}
