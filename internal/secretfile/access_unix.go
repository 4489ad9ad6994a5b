//go:build unix

package secretfile

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// openToOthers reports whether others than the owner can read or change the
// file, or a group that is neither ours nor root's.
func openToOthers(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	if mode&0o027 != 0 {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return mode&0o050 != 0 && (!ok || !isOurGroup(int(st.Gid)))
}

func isOurGroup(gid int) bool {
	groups, _ := os.Getgroups()
	return gid == 0 || gid == os.Getegid() || slices.Contains(groups, gid)
}

// CheckOwner returns an error that says what to do if a folder is another
// user's, or if others could change what is in it, unless it is empty. what
// names the folder, and flag chooses another.
func CheckOwner(what, path, flag string, info fs.FileInfo, isEmpty bool) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s %s belongs to the user %d, and this is the user %d: give a folder inside it (%s %s/opentcb), or chown -R %d %s",
			what, path, st.Uid, os.Geteuid(), flag, path, os.Geteuid(), path)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 && !isEmpty {
		return fmt.Errorf("others can change what is in %s %s (mode %04o): look at what is there, then chmod 700 %s",
			what, path, mode, path)
	}
	return nil
}
