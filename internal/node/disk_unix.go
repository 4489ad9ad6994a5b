//go:build linux || darwin

package node

import "syscall"

// freeBytes returns how much room a folder's disk has for this user.
func freeBytes(folder string) (free uint64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(folder, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
