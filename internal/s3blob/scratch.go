package s3blob

import (
	"errors"
	"os"
)

// scratch is a local file that nobody else sees and that a killed process
// does not leave behind: its name is gone while it is in use.
type scratch struct {
	*os.File
	named bool // on systems where an open file keeps its name
}

func newScratch(folder, kind string) (*scratch, error) {
	f, err := os.CreateTemp(folder, "opentcb-"+kind+"-")
	if err != nil {
		return nil, err
	}
	return &scratch{f, os.Remove(f.Name()) != nil}, nil
}

// Close gives the file's room back.
func (f *scratch) Close() error {
	err := f.File.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// tryFolder makes the folder if it is not there, and a file in it.
func tryFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	f, err := newScratch(path, "try")
	if err != nil {
		return err
	}
	return f.Close()
}
