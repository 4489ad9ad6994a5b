package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// temporary returns how the names of new files begin that are to replace a file.
// os.CreateTemp adds a number.
func temporary(file string) string { return "." + filepath.Base(file) + ".new-" }

// prepare makes the folder of a file if it is not there, removes what a killed
// agent left, and returns an error if the file cannot be replaced.
func prepare(file string) error {
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
	tmp, err := os.CreateTemp(dir, temporary(file)+"*")
	if err != nil {
		return fmt.Errorf("cannot write in the folder of the token's file: %w: choose another file with --out, or mend its permissions",
			err)
	}
	return errors.Join(tmp.Close(), remove(tmp.Name()))
}

// replaceable returns an error for what a rename would replace and should not: a
// folder, a device (/dev/null), a pipe, and a link, which would be lost while
// the file it leads to grows old. A file may have any mode; with its first token
// it gets 0600.
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

// replace replaces a file with one of that text, which only its owner can read:
// a reader sees the old file or the new one. Nothing is added to the text, not
// even a newline, since the runtime's SDK takes the whole file as the token.
func replace(file, text string) error {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, temporary(file)+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	_, err = tmp.WriteString(text)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
