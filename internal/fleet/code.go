package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opentcb/opentcb/internal/codezip"
	"github.com/opentcb/opentcb/tcb"
)

// Code is a function's code on this machine. It is read for each upload, so that
// a run does not hold all code in memory.
type Code struct {
	Sum               string // SHA-256 of the zip in hex
	Handler           string
	InstallDependency bool
	path              string
	without           codezip.Without
}

// defaultHandler is the entry point of a function whose file names none.
const defaultHandler = "index.main"

func readCode(dir string, c codeRule) (*Code, error) {
	code := &Code{
		Handler: c.handler, InstallDependency: c.installDependency, path: filepath.FromSlash(c.path),
		without: codezip.Without{NodeModules: c.noNodeModules, DotFiles: c.noDotFiles},
	}
	if code.Handler == "" {
		code.Handler = defaultHandler
	}
	if !filepath.IsAbs(code.path) {
		code.path = filepath.Join(dir, code.path)
	}
	zip, err := code.read()
	if err != nil {
		return nil, err
	}
	code.Sum = sumOf(zip)
	return code, nil
}

// Zip returns the zip. The error says so if it no longer has the checksum Sum.
func (c *Code) Zip() ([]byte, error) {
	zip, err := c.read()
	if err == nil && sumOf(zip) != c.Sum {
		err = fmt.Errorf("%s has changed since the run began", c.path)
	}
	return zip, err
}

func (c *Code) read() ([]byte, error) {
	zip, err := codezip.ReadSource(c.path, tcb.MaxZip, c.without)
	if wrong, ok := errors.AsType[*codezip.SourceError](err); ok {
		err = fmt.Errorf("%w%s", err, wrong.Advice("no_node_modules: true", "no_dot_files: true"))
	}
	return zip, err
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
