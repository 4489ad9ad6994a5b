package profile

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// Session is a profile in use. The tokens of its clients are kept in files in
// the user's cache folder, so that the next command, or another process, uses
// them too.
type Session struct {
	profile  Profile
	folder   string // of the token files; "" if there can be none
	through  *http.Client
	platform *tcb.Client

	// InMemory is why tokens are kept in memory, and not in files; nil if they
	// are in files.
	InMemory error
}

// Open begins to use a profile. Calls go through that HTTP client; nil is
// the one of package tcb. baseURL, unless empty, is used in place of the
// profile's, and of its upload_url.
func (p Profile) Open(baseURL string, through *http.Client) *Session {
	s := &Session{profile: p, through: through}
	folder, err := tokenFolder()
	if err == nil {
		s.folder = folder
	}
	s.InMemory = err
	if baseURL != "" {
		s.profile.BaseURL, s.profile.UploadURL = baseURL, ""
	}
	s.platform = s.client(tcb.ComponentTokens(s.client(nil), p.Platform, p.Secret.Get, p.Ticket.Get, s.store(p.Platform)))
	return s
}

// tokenFolder returns the folder of the token files, which can be written.
func tokenFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "opentcb", "tokens")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(folder, ".try-*")
	if err != nil {
		return "", err
	}
	return folder, errors.Join(f.Close(), os.Remove(f.Name()))
}

// Platform returns a client with the platform's own token.
func (s *Session) Platform() *tcb.Client { return s.platform }

// MiniProgram returns a client that acts for a Mini Program.
func (s *Session) MiniProgram(m MiniProgram) *tcb.Client {
	return s.client(tcb.AuthorizerTokens(s.platform, s.profile.Platform, m.AppID, m.RefreshToken.Get, s.store(m.AppID)))
}

func (s *Session) client(tokens tcb.TokenSource) *tcb.Client {
	return &tcb.Client{
		BaseURL: s.profile.BaseURL, UploadURL: s.profile.UploadURL, HTTP: s.through, Tokens: tokens,
	}
}

// store returns the file for the tokens of an account.
func (s *Session) store(appid string) tcb.TokensOption {
	if s.folder == "" {
		return tcb.InStore(&tcb.MemoryStore{})
	}
	name := fileName(s.profile.Name + "-" + appid + "-" + s.profile.BaseURL)
	return tcb.InStore(tcb.FileStore{Path: filepath.Join(s.folder, name+".json")})
}

// fileName returns s without the characters that a file system may refuse.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, s)
}
