package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opentcb/opentcb/tcb"
)

// Code is a function's code on this machine. It is read for each upload, so that
// a run does not hold all code in memory.
type Code struct {
	Sum               string // SHA-256 of the zip in hex
	Handler           string
	InstallDependency bool
	path              string
	without           tcb.ZipOptions
}

// defaultHandler is the entry point of a function whose file names none.
const defaultHandler = "index.main"

func readCode(dir string, c codeRule) (*Code, error) {
	code := &Code{
		Handler: c.handler, InstallDependency: c.installDependency, path: filepath.FromSlash(c.path),
		without: tcb.ZipOptions{NodeModules: c.noNodeModules, DotFiles: c.noDotFiles},
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
	zip, err := ReadZip(c.path, c.without)
	if err == nil && len(zip) > tcb.MaxZip {
		err = fmt.Errorf("%s: the zip is over %d bytes", c.path, tcb.MaxZip)
	}
	return zip, err
}

// ReadZip reads a zip, or makes one from a folder.
func ReadZip(path string, without tcb.ZipOptions) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return os.ReadFile(path)
	}
	var zip bytes.Buffer
	err = tcb.ZipFolder(&zip, path, without)
	return zip.Bytes(), err
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
