//go:build !linux

package blob

import "io/fs"

// identify returns the zero identity: every Open and every Intact hashes the
// file.
func identify(fs.FileInfo) identity { return identity{} }
