//go:build !unix && !windows

package tcb

import (
	"errors"
	"os"
)

// tryLock fails: without flock there is no lock that ends with the process.
func tryLock(*os.File) (bool, error) {
	return false, errors.New("a token file cannot be shared on this system: use a MemoryStore")
}
