package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/tcb"
)

func profileCommand() *cobra.Command {
	return groupCommand("profile", "The platforms and Mini Programs that you act for",
		profileInitCommand(), profileListCommand(), profileCheckCommand())
}

func profileInitCommand() *cobra.Command {
	p := &provider{}
	cmd := &cobra.Command{
		Use: "init", Short: "Write a file of profiles to fill in",
		Long: "Write a file with a sample profile, which only you can read. A file that exists\nalready is left as it is.",
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := p.profilesPath()
			if err != nil {
				return err
			}
			if err := profile.WriteSample(path); err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s: fill it in, then try 'opentcb profile check'\n", path)
			return err
		},
	}
	cmd.Flags().StringVar(&p.profiles, "profiles", "", profilesHelp)
	return cmd
}

func profileListCommand() *cobra.Command {
	p := &provider{}
	cmd := &cobra.Command{
		Use: "list", Short: "Print the profiles", Long: "Print the profiles and their Mini Programs. Secrets are not shown.",
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			profiles, err := p.readProfiles()
			if err != nil {
				return err
			}
			for _, one := range profiles {
				base := one.BaseURL
				if base == "" {
					base = tcb.DefaultBaseURL
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s at %s\n", one.Name, one.Platform, base)
				for _, m := range one.MiniPrograms {
					fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", m.AppID)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&p.profiles, "profiles", "", profilesHelp)
	return cmd
}

func profileCheckCommand() *cobra.Command {
	return providerCommand("check", "Get a token by a profile, and report whether it works",
		"Get the tokens of a profile's platform and Mini Program.",
		cobra.ExactArgs(0), func(cmd *cobra.Command, p *provider, c *tcb.Client, _ []string) (answer, error) {
			_, err := c.Tokens.Token(cmd.Context())
			text := "the profile works: an access token was issued"
			if !profile.Issues(c.Tokens) {
				text = "the access token is where the profile says; whether it is good shows with the first call"
			}
			return answer{map[string]bool{"ok": true}, text}, err
		})
}

// profilesPath returns where the profiles are.
func (p *provider) profilesPath() (string, error) {
	if p.profiles != "" {
		return p.profiles, nil
	}
	return profile.DefaultPath()
}

// readProfiles reads the file of profiles. If there is none, or it is invalid,
// the command was used wrongly.
func (p *provider) readProfiles() ([]profile.Profile, error) {
	path, err := p.profilesPath()
	if err != nil {
		return nil, usageError{fmt.Errorf("%w: give --profiles", err)}
	}
	profiles, err := profile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("no profile: 'opentcb profile init' writes %s to fill in; or set %s, and --base-url",
			path, accessTokenVariable)}
	}
	if err != nil {
		return nil, usageError{err}
	}
	return profiles, nil
}

// chosenProfile returns the profile that the flags name, or the only one.
func (p *provider) chosenProfile() (profile.Profile, error) {
	profiles, err := p.readProfiles()
	if err != nil {
		return profile.Profile{}, err
	}
	if p.profile == "" && len(profiles) == 1 {
		return profiles[0], nil
	}
	var names []string
	for _, one := range profiles {
		if one.Name == p.profile {
			return one, nil
		}
		names = append(names, one.Name)
	}
	if p.profile == "" {
		return profile.Profile{}, usageError{fmt.Errorf("which profile? --profile %s", strings.Join(names, " or "))}
	}
	return profile.Profile{}, usageError{fmt.Errorf("no profile %q: there are %s", p.profile, strings.Join(names, ", "))}
}

// chosenMiniProgram returns the Mini Program that the flags name, or the only
// one of the profile.
func (p *provider) chosenMiniProgram(chosen profile.Profile) (profile.MiniProgram, error) {
	if wrong := profile.CheckAppID(p.appid); p.appid != "" && wrong != "" {
		return profile.MiniProgram{}, usageError{fmt.Errorf("--appid %q %s", p.appid, wrong)}
	}
	if p.appid != "" {
		if m, ok := chosen.MiniProgram(p.appid); ok {
			return m, nil
		}
	} else if len(chosen.MiniPrograms) == 1 {
		m, _ := chosen.MiniProgram(chosen.MiniPrograms[0].AppID)
		return m, nil
	}
	var ids []string
	for _, m := range chosen.MiniPrograms {
		ids = append(ids, m.AppID)
	}
	if p.appid != "" {
		return profile.MiniProgram{}, usageError{fmt.Errorf("profile %s has no refresh_token or access_token for %s: there are %s",
			chosen.Name, p.appid, strings.Join(ids, ", "))}
	}
	if len(ids) == 0 {
		ids = []string{"APPID"}
	}
	return profile.MiniProgram{}, usageError{fmt.Errorf("which Mini Program of profile %s? --appid %s",
		chosen.Name, strings.Join(ids, " or "))}
}

// profileClient returns a client that acts for the chosen Mini Program.
func (p *provider) profileClient() (*tcb.Client, error) {
	chosen, err := p.chosenProfile()
	if err != nil {
		return nil, err
	}
	m, err := p.chosenMiniProgram(chosen)
	if err != nil {
		return nil, err
	}
	p.used = chosen.Name
	transport, err := p.transport(chosen)
	if err != nil {
		return nil, err
	}
	return p.open(chosen, &http.Client{Transport: transport, Timeout: callTime}).MiniProgram(m), nil
}

// transport returns how requests go: with the files of the flags, else the profile's.
func (p *provider) transport(chosen profile.Profile) (*http.Transport, error) {
	files := tlsFlags{p.tls.Or(chosen.TLS)}
	return files.transport()
}

// open begins to use a profile, and warns where its tokens cannot be kept.
func (p *provider) open(chosen profile.Profile, through *http.Client) *profile.Session {
	s := chosen.Open(p.baseURL, through)
	if s.InMemory != nil {
		fmt.Fprintf(os.Stderr, "opentcb: tokens are kept for this command alone: %v; XDG_CACHE_HOME names another folder\n", s.InMemory)
	}
	s.Own = func(appid string) {
		fmt.Fprintf(os.Stderr, "opentcb: an access token is issued for %s: one that production uses ends within 5 minutes; "+
			"let %s of profile %s name where production keeps it\n", appid, s.TokenMember(appid), chosen.Name)
	}
	return s
}
