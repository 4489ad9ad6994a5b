//go:build !linux && !darwin

package node

// freeBytes knows nothing here.
func freeBytes(string) (free uint64, ok bool) { return 0, false }
