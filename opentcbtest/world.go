package opentcbtest

import (
	"archive/zip"
	"bytes"
	"slices"
)

// World is what a server begins with. The zero value is one platform and one
// Mini Program that authorizes it, with an environment: DefaultPlatform,
// DefaultAppID and DefaultEnv.
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
	AppID  string `json:"appid"`
	Secret string `json:"secret"`
}

// MiniProgram is a merchant's. Cloud is nil or true where cloud development is
// opened; false makes usecloudaccesstoken answer 85088.
type MiniProgram struct {
	AppID string `json:"appid"`
	Cloud *bool  `json:"cloud,omitempty"`
}

// Environment belongs to a Mini Program (AppID) or to a platform.
type Environment struct {
	ID           string   `json:"id"`
	AppID        string   `json:"appid,omitempty"`
	Platform     string   `json:"platform,omitempty"`
	Open         *bool    `json:"open,omitempty"`
	APIWhitelist []string `json:"api_whitelist,omitempty"`
}

// Authorization lets a platform act for a Mini Program. PermissionSets of none
// are 18 and 49.
type Authorization struct {
	Platform       string `json:"platform"`
	AppID          string `json:"appid"`
	PermissionSets []int  `json:"permission_sets"`
}

// Function is a cloud function. With Files it has code of the merchant's own.
type Function struct {
	Env   string            `json:"env"`
	Name  string            `json:"name"`
	Files map[string]string `json:"-"` // content by name
	Zip   string            `json:"zip,omitempty"`
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
