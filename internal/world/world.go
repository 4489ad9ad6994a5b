// Package world reads a world file: the YAML that says which platforms, Mini Programs, environments, authorizations and
// functions a server has. It checks everything that can be seen in the file alone, tells every fault at once with its
// line, and guesses nothing. Whether what the file refers to exists in a server is for the server's rules to say; every
// item keeps its line for that.
//
// A map of the package: world.go the file's shape and the entrances, syntax.go from bytes to one YAML tree, decode.go
// from the tree to the items, member.go one member's type, check.go one member's value, fault.go what is told.
package world

import (
	"fmt"
	"io"
)

// MaxBytes is the size of the largest world file that is read: 64 MiB, some two million Mini Programs.
const MaxBytes = 64 << 20

// World is what a world file says. An absent list and an empty one are the same. Tags give both forms the names of the
// world file; Line is only in the JSON, which Decode reads.
type World struct {
	Platforms      []Platform      `yaml:"platforms,omitempty" json:"platforms,omitempty"`
	MiniPrograms   []MiniProgram   `yaml:"miniprograms,omitempty" json:"miniprograms,omitempty"`
	Environments   []Environment   `yaml:"environments,omitempty" json:"environments,omitempty"`
	Authorizations []Authorization `yaml:"authorizations,omitempty" json:"authorizations,omitempty"`
	Functions      []Function      `yaml:"functions,omitempty" json:"functions,omitempty"`
}

// Platform is a third-party platform with its component_appsecret. VerifyTicket, where not empty, fixes its ticket (CR-2).
type Platform struct {
	AppID        string `yaml:"appid" json:"appid"`
	Secret       string `yaml:"secret" json:"secret"`
	VerifyTicket string `yaml:"verify_ticket,omitempty" json:"verify_ticket,omitempty"`
	Line         int    `yaml:"-" json:"line,omitempty"` // where the item begins, from 1
}

// MiniProgram is an account that platforms act for. Cloud false: it has no cloud development (UT-13); nil: not said.
type MiniProgram struct {
	AppID string `yaml:"appid" json:"appid"`
	Cloud *bool  `yaml:"cloud,omitempty" json:"cloud,omitempty"`
	Line  int    `yaml:"-" json:"line,omitempty"`
}

// Environment is a common environment (AppID is its Mini Program) or a batch one (Platform is its platform): exactly one
// of the two is set. Open is the switch of the whole account (UT-5), nil where not said. APIWhitelist is for a new
// environment; its entries are strings, and whether UT-10 admits them is not checked here.
type Environment struct {
	ID           string   `yaml:"id" json:"id"`
	AppID        string   `yaml:"appid,omitempty" json:"appid,omitempty"`
	Platform     string   `yaml:"platform,omitempty" json:"platform,omitempty"`
	Open         *bool    `yaml:"open,omitempty" json:"open,omitempty"`
	APIWhitelist []string `yaml:"api_whitelist,omitempty" json:"api_whitelist,omitempty"`
	Line         int      `yaml:"-" json:"line,omitempty"`
}

// Authorization lets Platform act for the Mini Program AppID, with at least one permission set. RefreshToken, where not
// empty, fixes the refresh token.
type Authorization struct {
	Platform       string `yaml:"platform" json:"platform"`
	AppID          string `yaml:"appid" json:"appid"`
	PermissionSets []int  `yaml:"permission_sets,flow" json:"permission_sets"`
	RefreshToken   string `yaml:"refresh_token,omitempty" json:"refresh_token,omitempty"`
	Line           int    `yaml:"-" json:"line,omitempty"`
}

// Function is a cloud function of the environment Env. Zip is the path of a zip or a folder as the file says it, relative
// to the file's own folder; empty: the function is created without code.
type Function struct {
	Env  string `yaml:"env" json:"env"`
	Name string `yaml:"name" json:"name"`
	Zip  string `yaml:"zip,omitempty" json:"zip,omitempty"`
	Line int    `yaml:"-" json:"line,omitempty"`
}

// Read reads r to its end and parses it as Parse does. No more than MaxBytes and one byte are read. An error of r is
// returned as it is, wrapped with the name; all else that can be wrong is Faults.
func Read(r io.Reader, name string) (*World, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading world file %s: %w", name, err)
	}
	return Parse(data, name)
}

// Parse reads a world file; name is how faults call it. An empty file is an empty world. The error is
// always Faults, and never shows what stands as a secret, verify_ticket or refresh_token. With an error the world is nil.
//
// JSON is YAML, and is read too, but for two escapes that the YAML library does not know and that are told as faults:
// `\/`, and a pair of `\u` for one character.
func Parse(data []byte, name string) (*World, error) {
	return parse(data, name, false)
}

// Decode reads what json.Marshal makes of a World, as Parse does, and keeps the lines that it carries: its faults name
// the lines of the file that the World was parsed from, where they belong to an item.
func Decode(data []byte, name string) (*World, error) {
	return parse(data, name, true)
}

func parse(data []byte, name string, carriesLines bool) (*World, error) {
	d := decoder{
		faults:       collector{name: name},
		carriesLines: carriesLines,
		seen:         make(map[string]int),
		roles:        make(map[string]mention),
		opens:        make(map[string]mention),
	}
	if root := tree(data, &d.faults); root != nil {
		d.file(root)
	}
	if faults := d.faults.sorted(); faults != nil {
		return nil, faults
	}
	return &d.world, nil
}
