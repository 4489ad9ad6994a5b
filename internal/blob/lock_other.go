//go:build !unix

package blob

import "os"

// lock reports true: only one process at a time may use the folder.
func lock(*os.File) bool { return true }
