package agent

import (
	"os"
	"path/filepath"
	"strings"
)

// isMountPoint reports whether something is mounted on the file itself.
func isMountPoint(file string) bool {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return false
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	path := mountPath.Replace(filepath.Join(dir, filepath.Base(file)))
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == path {
			return true
		}
	}
	return false
}

// mountPath writes a path as mountinfo does.
var mountPath = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)
