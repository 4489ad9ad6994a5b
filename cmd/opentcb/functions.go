package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/fleet"
	"github.com/opentcb/opentcb/tcb"
)

func createFunctionCommand() *cobra.Command {
	return providerCommand("createfunction ENV NAME", "Create a function without code",
		"Call createfunction: a function without code in an environment.",
		cobra.ExactArgs(2), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) error {
			if err := c.CreateFunction(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			return p.print(cmd.OutOrStdout(), map[string]string{"env": args[0], "function_name": args[1]}, "created "+args[1]+" in "+args[0])
		})
}

func listFunctionsCommand() *cobra.Command {
	return providerCommand("listfunctions ENV", "Print the functions of an environment",
		"Call listfunctions until all functions of an environment are there.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) error {
			all := []tcb.Function{}
			for f, err := range c.AllFunctions(cmd.Context(), args[0]) {
				if err != nil {
					return err
				}
				all = append(all, f)
			}
			if p.json {
				return p.print(cmd.OutOrStdout(), all, "")
			}
			for _, f := range all {
				fmt.Fprintf(cmd.OutOrStdout(), "%-40s %-16s %-10s %s\n", f.Name, f.Runtime, f.Status, f.ModTime)
			}
			return nil
		})
}

func uploadFunctionCommand() *cobra.Command {
	u := tcb.CodeUpload{}
	var without tcb.ZipOptions
	var create bool
	cmd := providerCommand("uploadfunction ENV NAME ZIP-OR-FOLDER", "Upload a function's code, protected by the platform's key",
		`Upload a zip, or a folder as a zip, and make it the function's code: get the key,
have the exact body signed, and send it. The platform owns the code from then on.`,
		cobra.ExactArgs(3), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) error {
			zip, err := fleet.ReadZip(args[2], without)
			if err != nil {
				return usageError{err}
			}
			u.Env, u.Function = args[0], args[1]
			if create {
				if err := c.CreateFunction(cmd.Context(), u.Env, u.Function); err != nil && !strings.Contains(err.Error(), "exists") {
					return err
				}
			}
			bar := newProgress(cmd.ErrOrStderr())
			u.Progress = func(sent, of int64) { bar.of("uploading", sent, of) }
			sum, err := c.UploadFunction(cmd.Context(), u, bytes.NewReader(zip))
			bar.end()
			if err != nil {
				return err
			}
			return p.print(cmd.OutOrStdout(), map[string]string{"sha256": sum}, fmt.Sprintf("uploaded %s in %s, %s, sha256 %s", u.Function, u.Env, size(int64(len(zip))), sum))
		})
	f := cmd.Flags()
	f.StringVar(&u.Handler, "handler", "index.main", "the function's entry point")
	f.BoolVar(&u.InstallDependency, "install-dependency", false, "let the platform install the dependencies")
	f.BoolVar(&create, "create", false, "create the function if it is not there")
	f.BoolVar(&without.NodeModules, "no-node-modules", false, "leave folders named node_modules out")
	f.BoolVar(&without.DotFiles, "no-dot-files", false, "leave files and folders out that begin with a dot")
	return cmd
}

func downloadFunctionCommand() *cobra.Command {
	var out, unpack string
	cmd := providerCommand("downloadfunction ENV NAME", "Download a function's code and verify it",
		`Call downloadfunction (getFuntionLink [sic]), download the code that your platform
uploaded, and verify it. The file appears only when the checksum fits; a download
that breaks off goes on where it was. The exit status is 6 if it does not fit.`,
		cobra.ExactArgs(2), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) error {
			if out != "" && unpack != "" {
				return usageError{errors.New("give --out or --unpack, not both")}
			}
			file := out
			if file == "" {
				file = args[1] + ".zip"
			}
			if unpack != "" {
				dir, err := os.MkdirTemp("", "opentcb-download-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(dir)
				file = filepath.Join(dir, "code.zip")
			}
			bar := newProgress(cmd.ErrOrStderr())
			sum, err := c.DownloadFunction(cmd.Context(), args[0], args[1], file, tcb.CodeDownload{Progress: func(got, of int64) { bar.of("downloading", got, of) }})
			bar.end()
			if err != nil {
				return err
			}
			to := file
			if unpack != "" {
				if err := tcb.UnpackZip(file, unpack); err != nil {
					return err
				}
				to = unpack
			}
			return p.print(cmd.OutOrStdout(), map[string]string{"sha256": sum, "path": to}, fmt.Sprintf("downloaded %s to %s, sha256 %s", args[1], to, sum))
		})
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: NAME.zip)")
	cmd.Flags().StringVar(&unpack, "unpack", "", "folder to unpack to, which is made and must be empty")
	return cmd
}
