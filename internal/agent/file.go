package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// temporary is the pattern of the names of files that are being written, for
// one file that is kept.
func temporary(file string) string { return "." + filepath.Base(file) + ".new-" }

// prepare makes the folder of a file, if need be, and says whether files can
// be replaced there. What a killed agent left behind is removed.
func prepare(file string) error {
	dir := filepath.Dir(file)
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name a file with --out", file)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the token's file: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, temporary(file)+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot remove what an earlier agent left: %w", err)
		}
	}
	tmp, err := os.CreateTemp(dir, temporary(file)+"*")
	if err != nil {
		return fmt.Errorf("cannot write in the folder of the token's file: %w: choose another file with --out, or mend its permissions", err)
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// replace puts a text in the place of a file's: a reader sees the old one or
// the new. Only the owner can read it. Nothing is added: the runtime's SDK takes
// the whole file as the token.
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
