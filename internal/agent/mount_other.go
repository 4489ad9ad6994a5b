//go:build !linux

package agent

// isMountPoint reports false: if the file is mounted by itself, the first
// renaming onto it fails.
func isMountPoint(string) bool { return false }
