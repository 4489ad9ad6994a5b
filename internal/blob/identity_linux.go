package blob

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// identify gives the identity of the file that info is of.
func identify(info fs.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{
		dev: uint64(st.Dev), inode: st.Ino, size: st.Size,
		mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
	}
}

// lock takes the lock that lasts until f is closed or its process is gone, and
// is false if somebody else has it. A file system without locks says nothing
// about anybody, which counts as true.
func lock(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
