package main

import (
	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

func deployCommand() *cobra.Command {
	return remoteCommand("deploy ENV FUNCTION ZIP-OR-FOLDER", "Upload code as the merchant's own developer",
		`Upload a function's code without a key, as the merchant's own developer does: no
platform can download it. The function is created if it is not there.`,
		3, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			zip, err := node.OpenZip(args[2])
			if err != nil {
				return answer{}, usageError{err}
			}
			defer zip.Close()
			code, err := c.Deploy(cmd.Context(), args[0], args[1], zip)
			return answer{code, "deployed " + args[1] + " in " + args[0] + ", sha256 " + code.SHA256}, err
		})
}
