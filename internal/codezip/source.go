package codezip

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// Without selects what of a folder does not become part of a zip.
type Without struct {
	NodeModules bool // folders named node_modules
	DotFiles    bool // files and folders whose names begin with a dot
}

func (w Without) leavesOut(name string) bool {
	base := path.Base(name)
	return w.NodeModules && base == "node_modules" || w.DotFiles && strings.HasPrefix(base, ".")
}

// SourceError reports that a zip on this machine cannot be read, or that a folder
// cannot become one.
type SourceError struct {
	Path string // of the zip or folder
	Name string // what is at fault in the folder, with slashes; "" if no one file is
	Err  error
}

// Error names the path and what is at fault.
func (e *SourceError) Error() string {
	if e.Name != "" {
		return fmt.Sprintf("%s: %s: %v", e.Path, shown([]byte(e.Name)), e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

func (e *SourceError) Unwrap() error { return e.Err }

// Advice says which of the two settings of Without, by the caller's names, would
// leave out what is at fault; "" if none would.
func (e *SourceError) Advice(nodeModules, dotFiles string) string {
	segments := strings.Split(e.Name, "/")
	switch {
	case slices.Contains(segments, "node_modules"):
		return "; " + nodeModules + " leaves it out"
	case strings.HasPrefix(e.Name, ".") || strings.Contains(e.Name, "/."):
		return "; " + dotFiles + " leaves it out"
	}
	if _, large := e.Err.(tooLarge); large {
		return "; " + nodeModules + " and " + dotFiles + " leave such files out"
	}
	return ""
}

// tooLarge is the length in bytes that a zip is over.
type tooLarge int

// Error names the limit.
func (t tooLarge) Error() string { return fmt.Sprintf("the zip is over %d bytes", int(t)) }

// ReadSource returns a zip of at most limit bytes: that of a file, or one made of
// a folder. Its errors are *SourceError.
func ReadSource(source string, limit int, without Without) ([]byte, error) {
	zip := &bounded{limit: limit}
	err := readSource(zip, source, without)
	if err == nil {
		return zip.Bytes(), nil
	}
	if wrong, ok := err.(*SourceError); ok {
		return nil, wrong
	}
	if wrong, ok := err.(*os.PathError); ok { // its path is the source, or below it
		err = wrong.Err
	}
	return nil, &SourceError{Path: source, Err: err}
}

func readSource(w io.Writer, source string, without Without) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return FromFolder(w, source, without)
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// bounded is a zip in memory, which may not grow over a limit.
type bounded struct {
	bytes.Buffer
	limit int
}

// Write fails once there would be more than the limit.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, tooLarge(b.limit)
	}
	return b.Buffer.Write(p)
}
