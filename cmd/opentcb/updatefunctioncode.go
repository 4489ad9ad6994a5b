package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/codezip"
	"github.com/opentcb/opentcb/tcb"
)

func uploadFunctionCommand() *cobra.Command {
	u := tcb.CodeUpload{}
	var without codezip.Without
	var create bool
	cmd := providerCommand("uploadfunction ENV NAME ZIP-OR-FOLDER",
		"Upload a function's code, protected by the platform's key",
		`Upload a zip, or a folder as a zip, and make it the function's code: get the key,
have the exact body signed, and send it. The platform owns the code from then on.
Links within a folder are followed.`,
		cobra.ExactArgs(3), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			zip, err := readCode(args[2], tcb.MaxZip, without)
			if err != nil {
				return answer{}, err
			}
			u.Env, u.Function = args[0], args[1]
			if create {
				err := c.CreateFunction(cmd.Context(), u.Env, u.Function)
				if err != nil && !strings.Contains(err.Error(), "exists") {
					return answer{}, err
				}
			}
			bar := newProgress(cmd.ErrOrStderr())
			u.Progress = func(sent, of int64) { bar.bytesOf("uploading", sent, of) }
			sum, err := c.UploadFunction(cmd.Context(), u, bytes.NewReader(zip))
			bar.end()
			return answer{map[string]string{"sha256": sum},
				fmt.Sprintf("uploaded %s in %s, %s, sha256 %s", u.Function, u.Env, size(int64(len(zip))), sum)}, err
		})
	f := cmd.Flags()
	codeFlags(f, &u.Handler, &u.InstallDependency, &without)
	f.BoolVar(&create, "create", false, "create the function if it is not there")
	return cmd
}
