//go:build !unix

package tcb

import (
	"errors"
	"os"
)

// tryLock has no lock that ends with the process where there is no flock.
func tryLock(*os.File) (bool, error) {
	return false, errors.New("a token file cannot be shared on this system: use a MemoryStore")
}
