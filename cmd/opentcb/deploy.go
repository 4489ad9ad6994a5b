package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/codezip"
)

func deployCommand() *cobra.Command {
	d := admin.Deployment{}
	var without codezip.Without
	cmd := remoteCommand("deploy ENV FUNCTION ZIP-OR-FOLDER", "Upload code as the merchant's own developer",
		`Upload a function's code without a key, as the merchant's own developer does: no
platform can download it. The function is created if it is not there. Links within a
folder are followed.`,
		3, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			zip, err := readCode(args[2], admin.MaxCode, without)
			if err != nil {
				return answer{}, err
			}
			d.Env, d.Function = args[0], args[1]
			code, err := c.Deploy(cmd.Context(), d, bytes.NewReader(zip))
			return answer{code, "deployed " + args[1] + " in " + args[0] + ", sha256 " + code.SHA256}, err
		})
	codeFlags(cmd.Flags(), &d.Handler, &d.InstallDependency, &without)
	return cmd
}

// codeFlags are the flags of what uploads a function's code.
func codeFlags(f *pflag.FlagSet, handler *string, install *bool, without *codezip.Without) {
	f.StringVar(handler, "handler", "index.main", "the function's entry point")
	f.BoolVar(install, "install-dependency", false, "let the platform install the dependencies")
	f.BoolVar(&without.NodeModules, "no-node-modules", false, "leave folders named node_modules out")
	f.BoolVar(&without.DotFiles, "no-dot-files", false, "leave files and folders out that begin with a dot")
}

// readCode reads a zip or makes one of a folder. What is wrong with them is wrong
// usage, and told with the flag that helps.
func readCode(source string, limit int, without codezip.Without) ([]byte, error) {
	zip, err := codezip.ReadSource(source, limit, without)
	if wrong, ok := errors.AsType[*codezip.SourceError](err); ok {
		return nil, usageError{fmt.Errorf("%w%s", wrong, wrong.Advice("--no-node-modules", "--no-dot-files"))}
	}
	return zip, err
}
