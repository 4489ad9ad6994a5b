package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// session is a profile in use. The tokens of its clients are kept in files, so
// that the next command, or another process, uses them too.
type session struct {
	name, base string
	profile    profile
	dir        string // of the token files
	http       *http.Client
	owner      *tcb.Client // with the platform's own token
}

// open begins to use a profile; calls go through that HTTP client, or the
// default one.
func (p *provider) open(name string, chosen profile, through *http.Client) (*session, error) {
	dir, err := tokenFolder()
	if err != nil {
		return nil, err
	}
	s := &session{name: name, base: chosen.BaseURL, profile: chosen, dir: dir, http: through}
	if p.baseURL != "" {
		s.base = p.baseURL
	}
	s.owner = s.with(tcb.ComponentTokens(s.with(nil), chosen.Platform, chosen.Secret.get, chosen.Ticket.get, s.store(chosen.Platform)))
	return s, nil
}

func (s *session) with(tokens tcb.TokenSource) *tcb.Client {
	return &tcb.Client{BaseURL: s.base, HTTP: s.http, Tokens: tokens}
}

func (s *session) store(of string) tcb.TokensOption {
	return tcb.InStore(tcb.FileStore{Path: filepath.Join(s.dir, safeName(s.name+"-"+of+"-"+s.base)+".json")})
}

// client is a client for a Mini Program.
func (s *session) client(app profileMiniApp) *tcb.Client {
	return s.with(tcb.AuthorizerTokens(s.owner, s.profile.Platform, app.AppID, app.RefreshToken.get, s.store(app.AppID)))
}

// profileClient is a client by a profile.
func (p *provider) profileClient() (*tcb.Client, error) {
	name, chosen, err := p.chosenProfile()
	if err != nil {
		return nil, err
	}
	app, err := p.chosenApp(name, chosen)
	if err != nil {
		return nil, err
	}
	s, err := p.open(name, chosen, nil)
	if err != nil {
		return nil, err
	}
	return s.client(app), nil
}

func tokenFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "opentcb", "tokens")
	return dir, os.MkdirAll(dir, 0o700)
}

// safeName is a name that every file system takes.
func safeName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, s)
}
