package profile

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

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
	// Own, unless nil, is called once, before the first token is issued in place of
	// one that production uses, as far as the profile shows: it is the real
	// platform's, or the profile says of another token where production keeps it.
	Own func(appid string)

	own sync.Once
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
	s.platform = s.client(s.componentTokens())
	return s
}

func (s *Session) componentTokens() tcb.TokenSource {
	p := s.profile
	switch {
	case !p.ComponentToken.none():
		return &keptToken{from: p.ComponentToken.of(p.Platform)}
	case p.Secret.none():
		return missing{&SecretError{p.at, errors.New("this needs secret and ticket, or component_access_token")}}
	}
	return tcb.ComponentTokens(
		s.client(nil), p.Platform, s.issuing(p.Platform, p.Secret), p.Ticket.Get, s.store(p.Platform))
}

// TokenMember is the member of a profile that names where production keeps the
// token of an account.
func (s *Session) TokenMember(appid string) string {
	if appid == s.profile.Platform {
		return "component_access_token"
	}
	return "access_token"
}

// CheckSecrets returns a *SecretError if a token of the platform is needed, and what
// it is issued for cannot be had. A token that is there already needs nothing.
func (s *Session) CheckSecrets(ctx context.Context) error {
	if !s.profile.AccessToken.none() {
		return nil
	}
	_, err := s.platform.Tokens.Token(ctx)
	if wrong, ok := errors.AsType[*SecretError](err); ok {
		return wrong
	}
	return nil // what else is wrong may be over with the next call
}

// issuing returns how to get the secret that a token of an account is issued for.
func (s *Session) issuing(appid string, secret Secret) func(context.Context) (string, error) {
	p := s.profile
	base := strings.TrimRight(p.BaseURL, "/")
	inPlace := base == "" || strings.EqualFold(base, tcb.DefaultBaseURL) || !p.ComponentToken.none() || !p.AccessToken.none()
	return func(ctx context.Context) (string, error) {
		if inPlace && s.Own != nil {
			s.own.Do(func() { s.Own(appid) })
		}
		return secret.Get(ctx)
	}
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
	if !m.AccessToken.none() {
		return s.client(&keptToken{from: m.AccessToken})
	}
	return s.client(tcb.AuthorizerTokens(
		s.platform, s.profile.Platform, m.AppID, s.issuing(m.AppID, m.RefreshToken), s.store(m.AppID)))
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

// keptToken is an access token that production keeps and renews: nothing is issued
// in its place. It is read again once the platform refuses it.
type keptToken struct {
	from Secret

	mu    sync.Mutex
	value string
}

// Token implements tcb.TokenSource.
func (k *keptToken) Token(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != "" {
		return k.value, nil
	}
	return k.read(ctx)
}

// Renew implements tcb.TokenSource: production may have renewed the token since it
// was read. A client sends the same token no second time.
func (k *keptToken) Renew(ctx context.Context, refused string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != refused {
		return k.value, nil
	}
	return k.read(ctx)
}

func (k *keptToken) read(ctx context.Context) (value string, err error) {
	k.value, err = k.from.Get(ctx)
	return k.value, err
}

// Issues reports whether tokens of a Session are issued for it, and not read where
// production keeps them.
func Issues(tokens tcb.TokenSource) bool {
	_, kept := tokens.(*keptToken)
	return !kept
}

// missing is the token of a profile that says nothing of it.
type missing struct{ err error }

// Token implements tcb.TokenSource.
func (m missing) Token(context.Context) (string, error) { return "", m.err }

// Renew implements tcb.TokenSource.
func (m missing) Renew(context.Context, string) (string, error) { return "", m.err }
