package blob

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// identify returns the identity of a file.
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

// lock takes the lock of a file, which lasts until f is closed or its process
// ends. It reports false if somebody else has it. On a file system without
// locks it reports true.
func lock(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
