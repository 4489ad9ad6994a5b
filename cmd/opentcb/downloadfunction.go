package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/tcb"
)

// fileForm is the form of a function's name that becomes the name of a file.
var fileForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

func downloadFunctionCommand() *cobra.Command {
	var out, unpack string
	cmd := providerCommand("downloadfunction ENV NAME", "Download a function's code and verify it",
		`Call downloadfunction (getFuntionLink [sic]), download the code that your platform
uploaded, and verify it. The file appears only when the checksum fits; a download
that breaks off is resumed. The exit status is 6 if the checksum does not fit.`,
		cobra.ExactArgs(2), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			if out != "" && unpack != "" {
				return answer{}, usageError{errors.New("give --out or --unpack, not both")}
			}
			file := out
			if file == "" && unpack == "" && (len(args[1]) > 128 || !fileForm.MatchString(args[1])) {
				return answer{}, usageError{fmt.Errorf("%q is no name for a file: give --out", args[1])}
			}
			if file == "" {
				file = args[1] + ".zip"
			}
			if there, _ := os.ReadDir(unpack); unpack != "" && len(there) > 0 {
				return answer{}, usageError{fmt.Errorf("%s is not empty: give another folder to --unpack", unpack)}
			}
			if unpack != "" {
				dir, err := os.MkdirTemp("", "opentcb-download-")
				if err != nil {
					return answer{}, err
				}
				defer os.RemoveAll(dir)
				file = filepath.Join(dir, "code.zip")
			}
			bar := newProgress(cmd.ErrOrStderr())
			sum, err := c.DownloadFunction(cmd.Context(), args[0], args[1], file, tcb.CodeDownload{
				Progress: func(got, of int64) { bar.bytesOf("downloading", got, of) },
			})
			bar.end()
			if err != nil {
				return answer{}, err
			}
			to := file
			if unpack != "" {
				if err := tcb.UnpackZip(file, unpack); err != nil {
					return answer{}, err
				}
				to = unpack
			}
			return answer{map[string]string{"sha256": sum, "path": to},
				fmt.Sprintf("downloaded %s to %s, sha256 %s", args[1], to, sum)}, nil
		})
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: NAME.zip)")
	cmd.Flags().StringVar(&unpack, "unpack", "", "folder to unpack to, which is made and must be empty")
	return cmd
}
