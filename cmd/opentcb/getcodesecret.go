package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/tcb"
)

func getCodeSecretCommand() *cobra.Command {
	var reveal bool
	cmd := providerCommand("getcodesecret", "Get the code protection key",
		`Call getcodesecret (getCodeSecret). The key is shown only with --reveal; without
it a fingerprint is, by which keys can be compared.`,
		cobra.ExactArgs(0), func(cmd *cobra.Command, p *provider, c *tcb.Client, _ []string) (answer, error) {
			key, err := c.GetCodeSecret(cmd.Context())
			print := fmt.Sprintf("%x", sha256.Sum256([]byte(key)))[:16]
			if reveal {
				return answer{map[string]string{"codesecret": key, "fingerprint": print}, key}, err
			}
			return answer{map[string]string{"fingerprint": print},
				"key with the fingerprint " + print + " (--reveal shows it)"}, err
		})
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the key")
	return cmd
}
