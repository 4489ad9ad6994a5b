package codezip

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Unpack writes the files of a zip into a folder, which must be empty or not
// exist. All of the zip is checked first (UP-7): if Check refuses it, nothing is
// written. Nothing outside the folder is written. Files are readable only for
// their owner, and executable if they are so in the zip.
func Unpack(r io.ReaderAt, size int64, dir string, limits Limits) error {
	if err := Check(r, size, limits); err != nil {
		return err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return fmt.Errorf("read zip: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		return errors.Join(err, fmt.Errorf("the folder %s is not empty: choose another", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range z.File {
		if err := unpackFile(root, f); err != nil {
			return fmt.Errorf("unpack %s: %w", shown([]byte(f.Name)), err)
		}
	}
	return nil
}

func unpackFile(root *os.Root, f *zip.File) error {
	name := strings.ReplaceAll(f.Name, `\`, "/") // as Check reads it
	if strings.HasSuffix(name, "/") {
		return root.MkdirAll(path.Clean(name), 0o700)
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if f.Mode()&0o100 != 0 {
		mode = 0o700
	}
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.LimitReader(from, int64(f.UncompressedSize64)))
	return errors.Join(err, to.Close())
}
