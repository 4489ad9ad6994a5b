package opentcbtest

import (
	"archive/zip"
	"bytes"
	"slices"
)

// World is what a server begins with: all that a world file can say. What is left out
// is as it is there; nil pointers are left out. The zero value is one platform and one
// Mini Program that authorizes it, with an environment: DefaultPlatform, DefaultAppID
// and DefaultEnv.
type World struct {
	Platforms      []Platform      `json:"platforms,omitempty"`
	MiniPrograms   []MiniProgram   `json:"miniprograms,omitempty"`
	Environments   []Environment   `json:"environments,omitempty"`
	Authorizations []Authorization `json:"authorizations,omitempty"`
	Functions      []Function      `json:"functions,omitempty"`
}

// What the zero World holds.
const (
	DefaultPlatform = "wx00000000000000c1"
	DefaultAppID    = "wx00000000000000a1"
	DefaultEnv      = "test-env"
)

// Platform is a third-party platform. A platform appid is wx and 16 lower-case
// hex digits. Secret is its component_appsecret; "" is one made of the appid.
type Platform struct {
	AppID          string         `json:"appid"`
	Secret         string         `json:"secret"`
	VerifyTicket   string         `json:"verify_ticket,omitempty"` // fixed; "": it changes each ten minutes
	Name           string         `json:"name,omitempty"`
	Disabled       bool           `json:"disabled,omitempty"`
	PermissionSets []int          `json:"permission_sets,omitempty"` // that it asks merchants for
	Quotas         *Quotas        `json:"quotas,omitempty"`
	IPWhitelist    []string       `json:"ip_whitelist,omitempty"`  // addresses, or networks such as 10.0.0.0/8
	ConsentHosts   []string       `json:"consent_hosts,omitempty"` // that the consent page may lead to
	Events         []EventAddress `json:"events,omitempty"`
}

// Quotas are how many calls of a platform there may be: of an interface, by its wire
// name, and of all together.
type Quotas struct {
	Interfaces map[string]Quota `json:"interfaces,omitempty"`
	All        Quota            `json:"all,omitzero"`
}

// Quota is how many calls there may be, in a day that begins at 00:00 UTC+8 (else
// 45009) and in a minute of the server's clock (else 45011); 0 is any number.
type Quota struct {
	Day    int64 `json:"day,omitempty"`
	Minute int64 `json:"minute,omitempty"`
}

// EventAddress is where tickets and events are pushed to, signed and encrypted with a
// token of 3 to 32 letters and digits, and an EncodingAESKey of 43. Server.Pushes
// needs none.
type EventAddress struct {
	URL    string `json:"url"`
	Token  string `json:"token"`
	AESKey string `json:"aes_key"`
}

// MiniProgram is a merchant's. Cloud is nil or true where cloud development is
// opened; false makes usecloudaccesstoken answer 85088.
type MiniProgram struct {
	AppID     string `json:"appid"`
	Cloud     *bool  `json:"cloud,omitempty"`
	Name      string `json:"name,omitempty"`
	Principal string `json:"principal,omitempty"`
	Disabled  bool   `json:"disabled,omitempty"`
}

// Environment belongs to a Mini Program (AppID) or to a platform.
type Environment struct {
	ID           string   `json:"id"`
	AppID        string   `json:"appid,omitempty"`
	Platform     string   `json:"platform,omitempty"`
	Alias        string   `json:"alias,omitempty"`
	Runtime      string   `json:"runtime,omitempty"` // where its functions run: http://HOST:PORT
	Open         *bool    `json:"open,omitempty"`
	APIWhitelist []string `json:"api_whitelist,omitempty"`
}

// Authorization lets a platform act for a Mini Program. PermissionSets of none
// are 18 and 49. RefreshToken "" is one that only Server.RefreshToken knows.
type Authorization struct {
	Platform       string `json:"platform"`
	AppID          string `json:"appid"`
	PermissionSets []int  `json:"permission_sets"`
	RefreshToken   string `json:"refresh_token,omitempty"`
}

// Function is a cloud function. With Files it has code of the merchant's own. The rest
// is its configuration: OpenAPI and Triggers have no effect, as over the wire.
type Function struct {
	Env         string            `json:"env"`
	Name        string            `json:"name"`
	Files       map[string]string `json:"-"` // content by name
	Zip         string            `json:"zip,omitempty"`
	Timeout     int64             `json:"timeout,omitempty"`     // of one call, in seconds; 0 is 3
	Environment map[string]string `json:"environment,omitempty"` // its variables
	OpenAPI     []string          `json:"openapi,omitempty"`
	Triggers    []Trigger         `json:"triggers,omitempty"`
}

// Trigger is a timer of a function. Config is seven fields of cron.
type Trigger struct {
	Name   string `json:"name"`
	Config string `json:"config"`
}

// complete fills in what was left out.
func (w World) complete() World {
	if w.Platforms == nil && w.MiniPrograms == nil && w.Environments == nil && w.Authorizations == nil {
		w.Platforms = []Platform{{AppID: DefaultPlatform}}
		w.MiniPrograms = []MiniProgram{{AppID: DefaultAppID}}
		w.Environments = []Environment{{ID: DefaultEnv, AppID: DefaultAppID}}
		w.Authorizations = []Authorization{{Platform: DefaultPlatform, AppID: DefaultAppID}}
	}
	w.Platforms, w.Authorizations = slices.Clone(w.Platforms), slices.Clone(w.Authorizations)
	for i := range w.Platforms {
		if w.Platforms[i].Secret == "" {
			w.Platforms[i].Secret = "secret-of-" + w.Platforms[i].AppID
		}
	}
	for i := range w.Authorizations {
		if w.Authorizations[i].PermissionSets == nil {
			w.Authorizations[i].PermissionSets = []int{18, 49}
		}
	}
	return w
}

// zipOf makes the zip of a function's files.
func zipOf(files map[string]string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
