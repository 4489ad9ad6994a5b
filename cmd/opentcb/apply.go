package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/words"
)

func applyCommand() *cobra.Command {
	var options cloud.ApplyOptions
	cmd := remoteCommand("apply FILE", "Bring a server to what a world file says",
		`Bring a running server to what a world file says, wholly or not at all, and print
what was changed. Applied again it changes nothing. What the file says of an
environment's switch and whitelist, of a function's configuration and of an
authorization counts when it is made; what has become otherwise since stays, and is
told. What is absent stays as it is; null or "" takes it away. FILE - is standard
input.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			var refused error // by the server, as opposed to what is wrong here
			file, err := node.ReadWorld(args[0], func(zip io.Reader) (string, error) {
				var added admin.Code
				if options.DryRun {
					return checksum(zip)
				}
				added, refused = c.AddCode(cmd.Context(), zip)
				return added.SHA256, refused
			})
			if _, content := errors.AsType[words.Faults](err); err != nil && refused == nil && !content {
				err = usageError{err} // the file itself or code that it names
			}
			if err != nil {
				return answer{}, err
			}
			applied, err := c.ApplyWith(cmd.Context(), file.Text, file.Code, options)
			var lines []string
			would := map[bool]string{true: "would change: "}[options.DryRun]
			for _, ch := range applied.Changes {
				lines = append(lines, would+ch.Item+": "+ch.Change)
			}
			for _, left := range applied.NotApplied {
				lines = append(lines, "not applied: "+left.Item+": "+left.Change)
			}
			if len(lines) == 0 {
				lines = []string{"nothing to change"}
			}
			return answer{applied, strings.Join(lines, "\n")}, err
		})
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false,
		"print what would be changed, and change nothing; zips are not checked")
	cmd.Flags().BoolVar(&options.Regrant, "regrant", false,
		"bring authorizations that are there to what the file says, too: those that were cancelled are given again")
	cmd.Flags().BoolVar(&options.KeepTokens, "keep-tokens", false,
		"leave the component_access_tokens of a platform good whose secret is replaced")
	return cmd
}

// checksum returns the SHA-256 of a zip, as the server names it.
func checksum(zip io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, zip)
	return hex.EncodeToString(h.Sum(nil)), err
}

func worldCommand() *cobra.Command {
	cmd := remoteCommand("world", "Print everything that a server keeps as a world file",
		`Print everything that a server keeps as a world file, without secrets and code. Applied
to the same server it changes nothing; another one needs the secrets of platforms and
functions beside. It is read while the server works, so it is not of one moment, as a
backup is.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			return answer{}, c.World(cmd.Context(), cmd.OutOrStdout())
		})
	_ = cmd.Flags().MarkHidden("json") // it is YAML
	return cmd
}
