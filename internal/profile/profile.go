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
type Profile struct {
	Name         string
	BaseURL      string // where the interfaces are; "" is tcb.DefaultBaseURL
	UploadURL    string // where uploads are sent; "" is the host that their signature names
	Platform     string // its appid
	Secret       Secret
	Ticket       Secret
	RefreshToken Secret // of every Mini Program that is not named below; zero if there is none
	MiniPrograms []MiniProgram
}

// MiniProgram is a Mini Program that authorizes the platform.
type MiniProgram struct {
	AppID        string
	RefreshToken Secret
}

// MiniProgram returns a Mini Program with its refresh token; false if the
// profile has none for it.
func (p Profile) MiniProgram(appid string) (MiniProgram, bool) {
	for _, m := range p.MiniPrograms {
		if m.AppID == appid {
			return m, true
		}
	}
	return MiniProgram{appid, p.RefreshToken.of(appid)}, p.RefreshToken != (Secret{})
}

// DefaultPath returns the file of profiles in the user's configuration folder.
func DefaultPath() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "opentcb", "profiles.yaml"), err
}

// Read returns the profiles of a file, by name. A file that others can read is
// refused, since it may hold secrets. If the file itself cannot be read, the
// error is an *fs.PathError; what is wrong with its content is a faults.List.
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
	secrets := []*Secret{&p.Secret, &p.Ticket, &p.RefreshToken}
	for i := range p.MiniPrograms {
		secrets = append(secrets, &p.MiniPrograms[i].RefreshToken)
	}
	for _, s := range secrets {
		if s.at != "" {
			s.at = path + ":" + s.at
		}
	}
}

func readProfile(name string, n yamlfile.Node) Profile {
	p := Profile{Name: name}
	n.Members("a profile",
		yamlfile.Optional("base_url", yamlfile.Text(&p.BaseURL, CheckAddress)),
		yamlfile.Optional("upload_url", yamlfile.Text(&p.UploadURL, CheckAddress)),
		yamlfile.Required("platform", yamlfile.Text(&p.Platform, CheckAppID)),
		yamlfile.Required("secret", p.Secret.read("secret")),
		yamlfile.Required("ticket", p.Ticket.read("ticket")),
		yamlfile.Optional("refresh_token", p.RefreshToken.read("refresh_token")),
		yamlfile.Optional("miniprograms", yamlfile.List(func(n yamlfile.Node) {
			var m MiniProgram
			n.Members("a Mini Program",
				yamlfile.Required("appid", yamlfile.Text(&m.AppID, CheckAppID)),
				yamlfile.Required("refresh_token", m.RefreshToken.read("refresh_token")),
			)
			p.MiniPrograms = append(p.MiniPrograms, m)
		})),
	)
	return p
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
