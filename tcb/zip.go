package tcb

import (
	"io"
	"os"

	"github.com/opentcb/opentcb/internal/codezip"
)

// ZipOptions selects what ZipFolder leaves out.
type ZipOptions struct {
	NodeModules bool // folders named node_modules
	DotFiles    bool // files and folders whose names begin with a dot
}

// ZipFolder writes the files below a folder as a zip that can be uploaded. The
// same files always make the same bytes. Links within the folder are followed; one
// that leads out of it, or a device, is an error that names it.
func ZipFolder(w io.Writer, folder string, without ZipOptions) error {
	return codezip.FromFolder(w, folder, codezip.Without(without))
}

// UnpackZip writes the files of a downloaded zip into a folder, which must be
// empty or not exist. It refuses a zip with absolute or climbing names, links,
// devices, one name twice, or more than an upload may hold before it writes a
// file.
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
