package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/tcb"
)

// provider is a command's way to the interfaces.
type provider struct {
	baseURL, profile, appid string
	profiles                string // file
	tls                     tlsFlags
	used                    string // the profile that gives the tokens; "" if none does
}

// providerCommand makes a command that calls the interfaces as a platform and prints the
// answer that do returns.
func providerCommand(
	use, short, long string, args cobra.PositionalArgs,
	do func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error),
) *cobra.Command {
	p := &provider{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			a, err := do(cmd, p, c, args)
			if err == nil {
				err = a.print(cmd)
			}
			return p.named(byKind(err))
		},
	}
	p.flags(cmd)
	return cmd
}

func (p *provider) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.baseURL, "base-url", "",
		"where the interfaces are (default: the profile's, else "+tcb.DefaultBaseURL+")")
	f.StringVar(&p.profile, "profile", "", "profile to use (default: the only one)")
	f.StringVar(&p.appid, "appid", "", "Mini Program of the profile to act for (default: the only one)")
	f.StringVar(&p.profiles, "profiles", "", profilesHelp)
	p.tls.add(f)
	jsonFlag(cmd)
}

const profilesHelp = "file of profiles (default: opentcb/profiles.yaml in the user's configuration folder)"

// accessTokenVariable gives a token that was got elsewhere. There is no flag
// for it: others can see arguments.
const accessTokenVariable = "OPENTCB_ACCESS_TOKEN"

// client returns a client with the token of the variable, or with those that a
// profile's secrets give.
func (p *provider) client() (*tcb.Client, error) {
	if p.baseURL != "" {
		if wrong := profile.CheckAddress(p.baseURL); wrong != "" {
			return nil, usageError{fmt.Errorf("--base-url %q %s", p.baseURL, wrong)}
		}
	}
	if token := os.Getenv(accessTokenVariable); token != "" {
		transport, err := p.tls.transport()
		if err != nil {
			return nil, err
		}
		return &tcb.Client{
			BaseURL: p.baseURL, Tokens: tcb.StaticToken(token),
			HTTP: &http.Client{Transport: transport, Timeout: callTime},
		}, nil
	}
	return p.profileClient()
}

// named adds the profile to what is wrong with its secrets and tokens, and to where
// nobody answers what says where that is.
func (p *provider) named(err error) error {
	if hint := tlsHint(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	e, ok := errors.AsType[statusError](err)
	if _, called := errors.AsType[net.Error](err); ok && called && e.status == statusUnreachable {
		return statusError{fmt.Errorf("%w: do the interfaces answer there? (--base-url, or base_url of the profile)", e.error), e.status}
	}
	if !ok || e.status != statusCredentials || p.used == "" {
		return err
	}
	return statusError{fmt.Errorf("profile %s: %w", p.used, e.error), e.status}
}
