package tcb

import (
	"io"
	"os"
	"path"
	"strings"

	"github.com/opentcb/opentcb/internal/codezip"
)

// ZipOptions says what ZipFolder leaves out.
type ZipOptions struct {
	NodeModules bool // folders named node_modules
	DotFiles    bool // files and folders whose names begin with a dot
}

// ZipFolder writes the files below a folder as a zip that can be uploaded. The
// same files make the same bytes, whenever and wherever. Links and devices are
// an error that names them.
func ZipFolder(w io.Writer, folder string, without ZipOptions) error {
	return codezip.FromFolderBut(w, folder, func(name string) bool {
		base := path.Base(name)
		return without.NodeModules && base == "node_modules" || without.DotFiles && strings.HasPrefix(base, ".")
	})
}

// UnpackZip writes the files of a downloaded zip into a folder that is empty or
// not there. A zip with absolute or climbing names, links, devices, the same
// name twice, or more than an upload may hold is refused before a file is
// written.
func UnpackZip(file, folder string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return codezip.Unpack(f, info.Size(), folder, codezip.UploadLimits)
}
