package codezip

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// FromFolder writes a zip of the files below a folder to w, without what is left
// out.
//
// The same files always make the same bytes: they are sorted, all of one time,
// and of mode 0755 if they are executable, else 0644. A link that stays in the
// folder is followed, as "zip -r" does. One that leads out of it, a device, or a
// name that Check would refuse is a SourceError. Nothing outside the folder is
// read. FromFolder does not check the limits. After an error w holds part of a
// zip.
func FromFolder(w io.Writer, dir string, without Without) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f := zipFolder{dir: dir, root: root, zip: zip.NewWriter(w), without: without}
	if err := f.add(".", nil); err != nil {
		return err
	}
	return f.zip.Close()
}

// zipFolder is a folder that becomes a zip.
type zipFolder struct {
	dir     string
	root    *os.Root
	zip     *zip.Writer
	without Without
}

// add adds what is below a folder. within are the folders that it is in, where a
// link must not lead back to.
func (f *zipFolder) add(dir string, within []fs.FileInfo) error {
	info, err := f.root.Stat(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(within, func(above fs.FileInfo) bool { return os.SameFile(above, info) }) {
		return f.fault(dir, errors.New("it is a link to a folder that it is in"))
	}
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if f.without.leavesOut(name) {
			continue
		}
		mode, err := f.mode(name, entry)
		switch {
		case err != nil:
			return err
		case mode.IsDir():
			err = f.add(name, append(within, info))
		case mode.IsRegular():
			err = f.addFile(name)
		default: // not opened: opening a pipe waits
			err = f.fault(name, errors.New("it is a device or the like"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mode is what an entry is, or what it leads to if it is a link.
func (f *zipFolder) mode(name string, entry fs.DirEntry) (fs.FileMode, error) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type(), nil
	}
	info, err := f.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, f.fault(name, errors.New("it is a link to what is not there"))
	}
	if err != nil {
		return 0, f.fault(name, errors.New("it is a link that leads out of the folder, or in a circle"))
	}
	return info.Mode(), nil
}

func (f *zipFolder) fault(name string, err error) error { return &SourceError{f.dir, name, err} }

func (f *zipFolder) addFile(name string) error {
	if reason := nameFault([]byte(name)); reason != "" {
		return f.fault(name, errors.New(reason))
	}
	if strings.Contains(name, `\`) {
		return f.fault(name, errors.New("its name has a backslash"))
	}
	from, err := f.root.Open(name)
	if err != nil {
		return f.fault(name, errors.Unwrap(err))
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := f.zip.CreateHeader(fileHeader(name, info.Mode()))
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return err
}

// fileHeader returns a header with the earliest time that a zip can hold.
func fileHeader(name string, mode fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{
		Name: name, Method: zip.Deflate,
		Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	h.SetMode(0o644)
	if mode&0o111 != 0 {
		h.SetMode(0o755)
	}
	return h
}
