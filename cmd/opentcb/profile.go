package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/tcb"
)

// profileFile is what the file of profiles says.
type profileFile struct {
	Profiles map[string]profile `yaml:"profiles"`
}

// profile is a platform somewhere, and the Mini Programs that authorize it.
type profile struct {
	BaseURL      string           `yaml:"base_url,omitempty"`
	Platform     string           `yaml:"platform"`
	Secret       secret           `yaml:"secret"`
	Ticket       secret           `yaml:"ticket"`
	RefreshToken secret           `yaml:"refresh_token,omitempty"` // of every Mini Program that is not named below
	MiniPrograms []profileMiniApp `yaml:"miniprograms,omitempty"`
}

type profileMiniApp struct {
	AppID        string `yaml:"appid"`
	RefreshToken secret `yaml:"refresh_token"`
}

// secret is a secret, or where it is: exactly one member is set.
type secret struct {
	Value   string `yaml:"value,omitempty"`   // in the file of profiles itself
	Env     string `yaml:"env,omitempty"`     // name of a variable
	File    string `yaml:"file,omitempty"`    // path of a file
	Command string `yaml:"command,omitempty"` // run by the shell; prints it

	appid string // whose it is, for one that stands for many
}

// of is the secret of one Mini Program, where one line stands for many: {appid}
// in a variable's or a file's name, $APPID in a command.
func (s secret) of(appid string) secret {
	s.Env, s.File = strings.ReplaceAll(s.Env, "{appid}", appid), strings.ReplaceAll(s.File, "{appid}", appid)
	s.appid = appid
	return s
}

// secretTime is how long a command may take to print a secret.
const secretTime = time.Minute

// get reads the secret. Its errors do not show it.
func (s secret) get(ctx context.Context) (string, error) {
	var text string
	switch {
	case s.Value != "":
		text = s.Value
	case s.Env != "":
		if text = os.Getenv(s.Env); text == "" {
			return "", fmt.Errorf("the variable %s is not set", s.Env)
		}
	case s.File != "":
		b, err := os.ReadFile(s.File)
		if err != nil {
			return "", err
		}
		text = string(b)
	case s.Command != "":
		ctx, cancel := context.WithTimeout(ctx, secretTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", s.Command)
		if s.appid != "" {
			cmd.Env = append(os.Environ(), "APPID="+s.appid)
		}
		cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("its command failed: %w", err)
		}
		text = string(out)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}

func (s secret) isOne() bool {
	set := 0
	for _, m := range []string{s.Value, s.Env, s.File, s.Command} {
		if m != "" {
			set++
		}
	}
	return set == 1
}

// profilesPath is where the profiles are.
func (p *provider) profilesPath() (string, error) {
	if p.profiles != "" {
		return p.profiles, nil
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "opentcb", "profiles.yaml"), err
}

// readProfiles reads the file of profiles. One that others can read is
// refused: it may hold secrets.
func (p *provider) readProfiles() (*profileFile, error) {
	path, err := p.profilesPath()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("no profile: 'opentcb profile init' writes %s to fill in; or set %s, and --base-url", path, accessTokenVariable)}
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, usageError{fmt.Errorf("others can read the profiles in %s: chmod 600 %s", path, path)}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var file profileFile
	if err := d.Decode(&file); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", path, yamlFault(err))}
	}
	return &file, file.check(path)
}

// yamlFault keeps the lines of an error and drops what it quotes of the file.
func yamlFault(err error) error {
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines := []string{}
		for _, e := range te.Errors {
			line, _, _ := strings.Cut(e, ":")
			lines = append(lines, line+" is not what a profile has")
		}
		return errors.New(strings.Join(lines, "; "))
	}
	return err
}

func (f *profileFile) check(path string) error {
	var faults []string
	for _, name := range f.names() {
		p := f.Profiles[name]
		for what, s := range map[string]secret{"secret": p.Secret, "ticket": p.Ticket} {
			if !s.isOne() {
				faults = append(faults, fmt.Sprintf("profile %s: %s needs one of value, env, file and command", name, what))
			}
		}
		if p.RefreshToken != (secret{}) && !p.RefreshToken.isOne() {
			faults = append(faults, fmt.Sprintf("profile %s: refresh_token needs one of value, env, file and command", name))
		}
		if p.Platform == "" {
			faults = append(faults, fmt.Sprintf("profile %s: platform is missing", name))
		}
		for _, m := range p.MiniPrograms {
			if m.AppID == "" || !m.RefreshToken.isOne() {
				faults = append(faults, fmt.Sprintf("profile %s: a Mini Program needs appid, and refresh_token with one of value, env, file and command", name))
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return usageError{fmt.Errorf("%s:\n%s", path, strings.Join(faults, "\n"))}
}

func (f *profileFile) names() []string {
	var names []string
	for name := range f.Profiles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// chosenProfile is the profile that the flags name, or the only one.
func (p *provider) chosenProfile() (name string, chosen profile, err error) {
	file, err := p.readProfiles()
	if err != nil {
		return "", profile{}, err
	}
	if name = p.profile; name == "" {
		names := file.names()
		if len(names) != 1 {
			return "", profile{}, usageError{fmt.Errorf("which profile? --profile %s", strings.Join(names, " or "))}
		}
		name = names[0]
	}
	chosen, ok := file.Profiles[name]
	if !ok {
		return "", profile{}, usageError{fmt.Errorf("no profile %q: there are %s", name, strings.Join(file.names(), ", "))}
	}
	return name, chosen, nil
}

// chosenApp is the Mini Program that the flags name, or the profile's only one.
func (p *provider) chosenApp(name string, chosen profile) (profileMiniApp, error) {
	if p.appid != "" {
		if app, ok := chosen.app(p.appid); ok {
			return app, nil
		}
	} else if len(chosen.MiniPrograms) == 1 {
		return chosen.MiniPrograms[0], nil
	}
	ids := []string{}
	for _, m := range chosen.MiniPrograms {
		ids = append(ids, m.AppID)
	}
	return profileMiniApp{}, usageError{fmt.Errorf("which Mini Program of profile %s? --appid %s", name, strings.Join(ids, " or "))}
}

// app is a Mini Program with its refresh token; false if the profile has none
// for it.
func (p profile) app(appid string) (profileMiniApp, bool) {
	for _, m := range p.MiniPrograms {
		if m.AppID == appid {
			return m, true
		}
	}
	return profileMiniApp{appid, p.RefreshToken.of(appid)}, p.RefreshToken.isOne()
}

const sampleProfiles = `# Profiles of 'opentcb getcodesecret' and the other commands that call the
# interfaces. A secret is one of:
#   value: the-secret            in this file, which its owner alone may read
#   env: NAME                    in a variable
#   file: /path                  in a file
#   command: print-the-secret    printed by a command
profiles:
  main:
    base_url: https://api.weixin.qq.com
    platform: wx0000000000000000
    secret: {env: COMPONENT_APPSECRET}
    ticket: {file: /run/component_verify_ticket}
    miniprograms:
      - appid: wx1111111111111111
        refresh_token: {command: pass show wx1111111111111111}
    # For all others, where there are many: {appid} in the name of a variable or
    # a file, $APPID in a command.
    # refresh_token: {file: "/run/refresh_tokens/{appid}"}
`

func profileCommand() *cobra.Command {
	p := &provider{}
	initialize := &cobra.Command{
		Use: "init", Short: "Write a file of profiles to fill in",
		Long: "Write a file with a sample profile, readable for you alone. One that is there is\nleft as it is.",
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := p.profilesPath()
			if err == nil {
				err = os.MkdirAll(filepath.Dir(path), 0o700)
			}
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s is there already", path)
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(sampleProfiles)
			if err = errors.Join(err, f.Close()); err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "wrote %s: fill it in, then try 'opentcb profile check'\n", path)
			}
			return err
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "Print the profiles", Long: "Print the profiles and their Mini Programs. Secrets are not shown.",
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := p.readProfiles()
			if err != nil {
				return err
			}
			for _, name := range file.names() {
				chosen := file.Profiles[name]
				base := chosen.BaseURL
				if base == "" {
					base = tcb.DefaultBaseURL
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s at %s\n", name, chosen.Platform, base)
				for _, m := range chosen.MiniPrograms {
					fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", m.AppID)
				}
			}
			return nil
		},
	}
	for _, cmd := range []*cobra.Command{initialize, list} {
		cmd.Flags().StringVar(&p.profiles, "profiles", "", profilesHelp)
	}
	check := providerCommand("check", "Get a token by a profile, and say whether it works",
		"Get the tokens of a profile's platform and Mini Program.",
		cobra.ExactArgs(0), func(cmd *cobra.Command, p *provider, c *tcb.Client, _ []string) error {
			if _, err := c.Tokens.Token(cmd.Context()); err != nil {
				return err
			}
			return p.print(cmd.OutOrStdout(), map[string]bool{"ok": true}, "the profile works: an access token was issued")
		})
	return groupCommand("profile", "The platforms and Mini Programs that you act for", initialize, list, check)
}
