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

// FromFolder writes a zip of the regular files below a folder to w. The same
// files make the same bytes: they are sorted, all of one time, and of mode 0755
// if they are executable, else 0644. A link, a device, or a name that Check
// would refuse is an error that names it; nothing outside of the folder is
// read. Whether the whole is within the limits is for Check to say. On an
// error w holds part of a zip.
func FromFolder(w io.Writer, dir string) error {
	return FromFolderBut(w, dir, func(string) bool { return false })
}

// FromFolderBut is FromFolder without what leftOut chooses: it is asked for
// every file and folder but the first, by its path in the folder, with slashes.
// What is below a folder that is left out is left out.
func FromFolderBut(w io.Writer, dir string, leftOut func(path string) bool) error {
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

// fileHeader has the first time that a zip can hold.
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
