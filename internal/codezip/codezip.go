// Package codezip says which zips may be a function's code (UP-7), and makes
// such a zip from a folder.
//
// Check reads a zip that nobody vouches for, in memory that does not depend
// on it:
//
//	directory.go   where the directory is, and its records one by one
//	name.go        which names are allowed, and that no two are the same place
//	content.go     that every file unpacks to what the directory says of it
//
// It does not use archive/zip, which takes memory by the record before
// anything can be counted, looks for a directory in several places, does not
// compare local headers with the directory, and lets a file with a recorded
// checksum of zero be anything. What Check accepts, archive/zip reads.
package codezip

import (
	"errors"
	"fmt"
	"io"
)

// Limits bound what a zip may hold.
type Limits struct {
	Entries       int   // entries, folders counted
	UnpackedBytes int64 // sum of the sizes of its files, unpacked
}

// UploadLimits are the limits of uploaded code (UP-7).
var UploadLimits = Limits{Entries: 10_000, UnpackedBytes: 500 << 20}

// Error says why a zip may not be a function's code.
type Error struct {
	// Reason is fit to be shown to whoever sent the zip: names of entries
	// in it are printable and of bounded length.
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return "zip refused: " + e.Reason }

func refuse(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}

// Check says whether the zip of size bytes in r may be a function's code
// (UP-7). The error is an *Error if it may not be, and another if r could not
// be read. Check reads all of it and takes time by what it unpacks to, which
// the limits bound; its memory stays below 6 MiB.
func Check(r io.ReaderAt, size int64, limits Limits) error {
	s := &source{r: r, size: size}
	err := check(s, limits)
	if s.fault != nil {
		return fmt.Errorf("read zip: %w", s.fault)
	}
	return err
}

func check(s *source, limits Limits) error {
	d, err := findDirectory(s)
	if err != nil {
		return err
	}
	if err := d.checkRecords(limits); err != nil {
		return err
	}
	if err := d.checkNames(); err != nil {
		return err
	}
	return d.checkContents()
}

// source reads a zip, and keeps the first fault of the reader, so that a disk
// that fails is not taken for a bad zip.
type source struct {
	r     io.ReaderAt
	size  int64
	fault error
}

// ReadAt fills p from offset off, which must lie within the zip whole.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if s.fault == nil {
		s.fault = err
		if err == nil || errors.Is(err, io.EOF) {
			s.fault = io.ErrUnexpectedEOF // shorter than its size
		}
	}
	return n, s.fault
}

// section reads the bytes from start to end.
func (s *source) section(start, end int64) *io.SectionReader {
	return io.NewSectionReader(s, start, end-start)
}
