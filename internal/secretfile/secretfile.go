package secretfile

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxSize is more than any secret, and any file of profiles, has.
const maxSize = 16 << 20

// Check returns an error that names the command that mends it if others than
// the file's owner can read or change it. A group of this process, and that of
// root, may read it: that is how secrets are mounted into containers. path is
// for the error only.
func Check(path string, info fs.FileInfo) error {
	if !openToOthers(info) {
		return nil
	}
	return fmt.Errorf("others can read %s (mode %04o): chmod 600 %s; a mounted secret may have mode 0440 and a group of this user",
		path, info.Mode().Perm(), path)
}

// Read returns the content of a file that others cannot read. If it cannot be
// read, the error is an *fs.PathError.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return readAll(f, path)
}

// ReadIn is Read for a file in a folder, which must be an ordinary file and no
// link: whoever made the folder may not choose which file is read.
func ReadIn(root *os.Root, name string) ([]byte, error) {
	if err := IsOrdinary(root, name); err != nil {
		return nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(f, filepath.Join(root.Name(), name))
}

func readAll(f *os.File, path string) ([]byte, error) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := Check(path, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize))
	return bytes.TrimPrefix(text, []byte("\ufeff")), err // a mark of Windows' editors
}

// IsOrdinary returns an error if the name in the folder is there and is neither
// a file nor a folder, such as a link, or if it is not there an *fs.PathError.
func IsOrdinary(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		path := filepath.Join(root.Name(), name)
		return fmt.Errorf("%s is a link, or no file at all, which this program never makes: rm %s", path, path)
	}
	return nil
}

// Write replaces a file in a folder with one that only its owner can read. After
// a crash the old file is there, or the new one. A link of that name is
// replaced; nothing is written where it leads.
func Write(root *os.Root, name string, text []byte) error {
	if err := replace(root, name, text, true); err != nil {
		return err
	}
	return SyncFolder(filepath.Join(root.Name(), filepath.Dir(name)))
}

// Replace is Write for a file that need not survive a crash of the machine.
func Replace(root *os.Root, name string, text []byte) error {
	return replace(root, name, text, false)
}

func replace(root *os.Root, name string, text []byte, sync bool) error {
	tmp := filepath.Join(filepath.Dir(name), ".new-"+rand.Text())
	f, err := root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(tmp))
	}
	return nil
}

// SyncFolder makes the names in a folder survive a power cut. Windows, where a
// folder cannot be synced, journals them by itself.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
