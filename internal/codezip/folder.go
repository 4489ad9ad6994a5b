package codezip

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// FromFolder writes a zip of the regular files below a folder to w, without the
// files and folders for which leftOut returns true: it is called with their paths
// in the folder, with slashes. A nil leftOut leaves out nothing.
//
// The same files always make the same bytes: they are sorted, all of one time,
// and of mode 0755 if they are executable, else 0644. A link, a device, or a
// name that Check would refuse is an error that names it. Nothing outside the
// folder is read. FromFolder does not check the limits. After an error w holds
// part of a zip.
func FromFolder(w io.Writer, dir string, leftOut func(path string) bool) error {
	if leftOut == nil {
		leftOut = func(string) bool { return false }
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z := zip.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && leftOut(name) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || leftOut(name):
			return nil
		}
		return addFile(z, root, name, entry)
	})
	if err != nil {
		return err
	}
	return z.Close()
}

func addFile(z *zip.Writer, root *os.Root, name string, entry fs.DirEntry) error {
	if !entry.Type().IsRegular() { // before it is opened: opening a pipe waits
		return fmt.Errorf("%s: it is a link or device", shown([]byte(name)))
	}
	if reason := nameFault([]byte(name)); reason != "" {
		return fmt.Errorf("%s: %s", shown([]byte(name)), reason)
	}
	if strings.Contains(name, `\`) {
		return fmt.Errorf("%s: its name has a backslash", shown([]byte(name)))
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	to, err := z.CreateHeader(fileHeader(name, info.Mode()))
	if err != nil {
		return err
	}
	_, err = io.Copy(to, f)
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
