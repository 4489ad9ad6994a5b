// Package codezip decides which zips may be a function's code (UP-7), makes
// such a zip from a folder, and unpacks one.
//
// Check reads an untrusted zip in memory that does not depend on it:
//
//	codezip.go     Check, its limits and its error
//	directory.go   finds the directory, reads its records one by one, and checks each for itself
//	name.go        checks that names are allowed, and no two are the same place
//	content.go     checks that every file unpacks to what the directory records
//	folder.go      FromFolder makes a zip
//	source.go      ReadSource: a zip, or one made of a folder, and whose fault it is
//	unpack.go      Unpack writes the files of a zip
//
// It does not use archive/zip, which allocates for every record before anything
// can be counted, looks for a directory in several places, does not compare
// local headers with the directory, and accepts any content for a file with a
// recorded checksum of zero. What Check accepts, archive/zip reads.
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
	Ratio         int64 // unpacked to packed, beyond RatioFree; 0: any
	// Pause, if not nil, is called by Check each time it has unpacked PauseAfter
	// bytes, in which it may wait: a zip can keep a processor busy for seconds.
	Pause func()
}

// PauseAfter is how many bytes are unpacked between two pauses.
const PauseAfter = 32 << 10

// RatioFree is how many bytes a zip may unpack to whatever its own size is. A
// few bytes that stand for many would keep the reader busy at no cost to the
// sender; code unpacks to some 3 to 10 times its size.
const RatioFree = 16 << 20

// UploadLimits are the limits of uploaded code (UP-7).
var UploadLimits = Limits{Entries: 10_000, UnpackedBytes: 500 << 20, Ratio: 100}

// Error reports why a zip may not be a function's code.
type Error struct {
	// Reason is fit to be shown to whoever sent the zip: names of entries are
	// printable in it, and of bounded length.
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return "zip refused: " + e.Reason }

func refuse(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}

// Check checks that the zip of size bytes in r may be a function's code (UP-7).
// The error is an *Error if it may not be, and another if r cannot be read.
// Check reads and unpacks all of it, which the limits bound, in less than 6 MiB
// of memory.
func Check(r io.ReaderAt, size int64, limits Limits) error {
	s := &source{r: r, size: size}
	err := check(s, limits)
	if s.err != nil {
		return fmt.Errorf("read zip: %w", s.err)
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
	return d.checkContents(limits.Pause)
}

// source reads a zip, and keeps the first error of the reader, so that a failing
// disk is not reported as a bad zip.
type source struct {
	r    io.ReaderAt
	size int64
	err  error
}

// ReadAt fills p from offset off, all of which must lie within the zip.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if s.err == nil {
		s.err = err
		if err == nil || errors.Is(err, io.EOF) {
			s.err = io.ErrUnexpectedEOF // shorter than its size
		}
	}
	return n, s.err
}

// section returns a reader of the bytes from start to end.
func (s *source) section(start, end int64) *io.SectionReader {
	return io.NewSectionReader(s, start, end-start)
}
