package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

// Profile is a platform somewhere, and the Mini Programs that authorize it.
//
// Where production keeps its tokens, ComponentToken and AccessToken name them, and
// are used before all else. Secret and Ticket, and RefreshToken, are what tokens
// are issued for: each one ends the one before it.
type Profile struct {
	Name           string
	BaseURL        string // where the interfaces are; "" is tcb.DefaultBaseURL
	UploadURL      string // where uploads are sent; "" is the host that their signature names
	TLS            TLS    // certificates, for BaseURL and UploadURL
	Platform       string // its appid
	ComponentToken Secret // the platform's token
	Secret, Ticket Secret
	AccessToken    Secret // of every Mini Program that is not named below; zero if there is none
	RefreshToken   Secret // likewise
	MiniPrograms   []MiniProgram

	at string // file and line
}

// MiniProgram is a Mini Program that authorizes the platform.
type MiniProgram struct {
	AppID        string
	AccessToken  Secret
	RefreshToken Secret
}

// MiniProgram returns a Mini Program with its tokens; false if the profile has
// none for it.
func (p Profile) MiniProgram(appid string) (MiniProgram, bool) {
	for _, m := range p.MiniPrograms {
		if m.AppID == appid {
			if m.AccessToken.none() && m.RefreshToken.none() {
				break
			}
			return m, true
		}
	}
	m := MiniProgram{appid, p.AccessToken.of(appid), p.RefreshToken.of(appid)}
	return m, !m.AccessToken.none() || !m.RefreshToken.none()
}

// DefaultPath returns the file of profiles in the user's configuration folder.
func DefaultPath() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "opentcb", "profiles.yaml"), err
}

// Read returns the profiles of a file, by name. A file that others can read is
// refused, since it may hold secrets. If the file itself cannot be read, the
// error is an *fs.PathError; what is wrong with its content is a words.Faults.
func Read(path string) ([]Profile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := secretfile.Check(path, info); err != nil {
		return nil, err
	}
	text, err := yamlfile.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var profiles []Profile
	err = yamlfile.Parse(text, path, func(n yamlfile.Node) {
		n.Members("a file of profiles", yamlfile.Required("profiles", yamlfile.Named(func(name string, n yamlfile.Node) {
			p := readProfile(name, n)
			p.locate(path)
			profiles = append(profiles, p)
		})))
	})
	slices.SortFunc(profiles, func(a, b Profile) int { return strings.Compare(a.Name, b.Name) })
	return profiles, err
}

// locate adds the file to where the secrets are.
func (p *Profile) locate(path string) {
	p.at = path + ":" + p.at
	secrets := []*Secret{&p.ComponentToken, &p.Secret, &p.Ticket, &p.AccessToken, &p.RefreshToken}
	for i := range p.MiniPrograms {
		secrets = append(secrets, &p.MiniPrograms[i].AccessToken, &p.MiniPrograms[i].RefreshToken)
	}
	for _, s := range secrets {
		if s.at != "" {
			s.at = path + ":" + s.at
		}
	}
}

func readProfile(name string, n yamlfile.Node) Profile {
	n = n.In("profile " + name)
	p := Profile{Name: name, at: fmt.Sprintf("%d: profile %s", n.Line(), name)}
	shared := n.Has("access_token") || n.Has("refresh_token")
	is := n.Members("it",
		yamlfile.Optional("base_url", yamlfile.Text(&p.BaseURL, CheckAddress)),
		yamlfile.Optional("upload_url", yamlfile.Text(&p.UploadURL, CheckAddress)),
		yamlfile.Optional("ca_file", yamlfile.Text(&p.TLS.CAFile, yamlfile.NotEmpty)),
		yamlfile.Optional("client_cert", yamlfile.Text(&p.TLS.ClientCert, yamlfile.NotEmpty)),
		yamlfile.Optional("client_key", yamlfile.Text(&p.TLS.ClientKey, yamlfile.NotEmpty)),
		yamlfile.Required("platform", yamlfile.Text(&p.Platform, CheckAppID)),
		yamlfile.Optional("component_access_token", p.ComponentToken.read(name, "component_access_token")),
		yamlfile.Optional("secret", p.Secret.read(name, "secret")),
		yamlfile.Optional("ticket", p.Ticket.read(name, "ticket")),
		yamlfile.Optional("access_token", p.AccessToken.read(name, "access_token")),
		yamlfile.Optional("refresh_token", p.RefreshToken.read(name, "refresh_token")),
		yamlfile.Optional("miniprograms", yamlfile.List(func(n yamlfile.Node) {
			p.MiniPrograms = append(p.MiniPrograms, readMiniProgram(name, n, shared))
		})),
	)
	switch {
	case !is:
	case n.Has("client_cert") != n.Has("client_key"):
		n.Report("client_cert and client_key go together")
	case n.Has("secret") != n.Has("ticket"):
		n.Report("secret and ticket go together")
	case !n.Has("secret") && !n.Has("component_access_token") && !n.Has("access_token"):
		n.Report("it needs secret and ticket, or component_access_token or access_token, where production keeps them")
	}
	return p
}

// readMiniProgram reads a Mini Program, which needs a token of its own unless the
// profile has one for all.
func readMiniProgram(profile string, n yamlfile.Node, shared bool) MiniProgram {
	var m MiniProgram
	is := n.Members("a Mini Program",
		yamlfile.Required("appid", yamlfile.Text(&m.AppID, CheckAppID)),
		yamlfile.Optional("access_token", m.AccessToken.read(profile, "access_token")),
		yamlfile.Optional("refresh_token", m.RefreshToken.read(profile, "refresh_token")),
	)
	if is && !shared && !n.Has("access_token") && !n.Has("refresh_token") {
		n.Report("a Mini Program needs refresh_token or access_token")
	}
	return m
}

// appIDForm is the form of an appid, which becomes part of paths and commands.
var appIDForm = regexp.MustCompile(`^wx[0-9a-z]{16}$`)

// CheckAppID returns what is wrong with an appid, as it follows the appid in a
// sentence, and "" if nothing is.
func CheckAppID(s string) string {
	if appIDForm.MatchString(s) {
		return ""
	}
	return "is no appid, which is wx and 16 letters or digits"
}

// CheckAddress returns what is wrong with the address of a server, as it follows
// the address in a sentence, and "" if nothing is.
func CheckAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "is no address: write http://HOST or https://HOST, and nothing behind it"
	}
	return ""
}

const sample = `# Profiles of 'opentcb getcodesecret' and the other commands that call the
# interfaces. A secret is one of:
#   value: the-secret            in this file, which only its owner may read
#   env: NAME                    in a variable
#   file: /path                  in a file
#   command: print-the-secret    printed by a command
#
# A token that is issued ends the one before it within 5 minutes. So where
# production has tokens of this platform, name those:
#   component_access_token: {command: our-vault read component-token}
#   access_token: {command: our-vault read tokens/$APPID}
# and leave out secret, ticket and refresh_token. In a command $APPID is the Mini
# Program; in the name of a variable or a file it is {appid}.
profiles:
  main:
    base_url: https://api.weixin.qq.com
    platform: wx0000000000000000
    secret: {env: COMPONENT_APPSECRET}
    # The platform pushes a ticket every 10 minutes: where your backend keeps it.
    ticket: {file: /run/component_verify_ticket}
    # or, where 'opentcb relay' receives it:
    # ticket: {relay: "http://127.0.0.1:9300", bearer: {file: /run/relay_bearer}}
    miniprograms:
      - appid: wx1111111111111111
        refresh_token: {command: pass show wx1111111111111111}
    # For all others, where there are many:
    # refresh_token: {file: "/run/refresh_tokens/{appid}"}
`

// WriteSample writes a file with a sample profile, and its folder, readable
// only for the user. It does not touch a file that exists already.
func WriteSample(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(sample)
	return errors.Join(err, f.Close())
}
