package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
)

func consentCodeCommand() *cobra.Command {
	var expires, id string
	var list, revoke bool
	cmd := remoteCommand("consent-code APPID", "Make a code by which a merchant consents",
		`Make a consent code of a Mini Program and print it, which the server never does
again. Whoever has it can let platforms act for the Mini Program, on the consent
page: give it to the merchant alone. A Mini Program has any number of codes;
--list shows them without the codes, --revoke ends all of them, or that of --id.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			life, err := parseSpan(expires)
			switch {
			case err != nil:
				return answer{}, usageError{fmt.Errorf("--expires: %w", err)}
			case list && revoke || expires != "" && (list || revoke) || id != "" && !revoke:
				return answer{}, usageError{errors.New("give --list, or --revoke with or without --id, or --expires")}
			case list:
				all, err := c.ConsentCodes(cmd.Context(), args[0])
				rows := [][]string{{"id", "created", "expires"}}
				for _, code := range all.Items {
					rows = append(rows, []string{code.ID, localMinute(code.CreatedAt), localMinute(code.ExpiresAt)})
				}
				return answer{all.Items, table(rows)}, err
			case revoke:
				revoked := map[string]string{"appid": args[0], "id": id, "consent_codes": "revoked"}
				return answer{revoked, "revoked"}, c.RevokeConsentCodes(cmd.Context(), args[0], id)
			}
			made, err := c.MakeConsentCode(cmd.Context(), args[0], life)
			return answer{made, made.Code}, err
		})
	f := cmd.Flags()
	f.StringVar(&expires, "expires", "", "how long it is good, such as 30d or 12h (default: for ever)")
	f.BoolVar(&list, "list", false, "list the codes of the Mini Program")
	f.BoolVar(&revoke, "revoke", false, "revoke its codes: all, or that of --id")
	f.StringVar(&id, "id", "", "with --revoke: this code alone")
	return cmd
}
