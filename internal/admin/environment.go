package admin

import (
	"net/http"

	"github.com/opentcb/opentcb/internal/cloud"
)

// maxWhitelist bounds the body of a trial: 1,000 entries of 256 bytes, written
// generously.
const maxWhitelist = 1 << 20

// CloudbaseToken is what code in an environment calls open interfaces with.
// ExpiresIn is in seconds.
type CloudbaseToken struct {
	Token     string `json:"cloudbase_access_token"`
	ExpiresIn int64  `json:"expires_in"`
}

// cloudbaseToken answers the operator and the environment's own runtime.
func (s *Server) cloudbaseToken(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	t, err := s.cloud.CloudbaseToken(r.Context(), c, r.PathValue("environment"))
	return CloudbaseToken{t.Value, int64(t.Life.Seconds())}, err
}

// Credential is what the runtime of an environment proves itself with.
type Credential struct {
	Credential string `json:"credential"`
}

func (s *Server) credential(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	text, err := s.cloud.EnvironmentCredential(r.Context(), c, r.PathValue("environment"))
	return Credential{text}, err
}

func (s *Server) revokeCredentials(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RevokeEnvironmentCredentials(r.Context(), c, r.PathValue("environment"))
}

func (s *Server) explain(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return s.cloud.Explain(r.Context(), r.PathValue("rid"))
}

func (s *Server) suggestWhitelist(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return s.cloud.SuggestWhitelist(r.Context(), c, r.PathValue("environment"), r.URL.Query().Get("allowed_only") == "true")
}

// Whitelist is a whitelist that is not in force.
type Whitelist struct {
	Entries []string `json:"api_whitelist"`
}

func (s *Server) tryWhitelist(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var list Whitelist
	if err := readJSON(w, r, maxWhitelist, &list); err != nil {
		return nil, err
	}
	return s.cloud.TryWhitelist(r.Context(), c, r.PathValue("environment"), list.Entries)
}

// History is what is kept of the changes of an environment's permission,
// oldest first.
type History struct {
	Changes []cloud.PermissionChange `json:"changes"`
}

func (s *Server) whitelistHistory(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	changes, err := s.cloud.PermissionHistory(r.Context(), r.PathValue("environment"))
	if changes == nil {
		changes = []cloud.PermissionChange{} // null is no list
	}
	return History{changes}, err
}

// Version is a version of an environment's permission.
type Version struct {
	Version int64 `json:"version"`
}

func (s *Server) restoreWhitelist(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var from Version
	if err := readJSON(w, r, maxConsent, &from); err != nil {
		return nil, err
	}
	version, err := s.cloud.RestoreWhitelist(r.Context(), c, r.PathValue("environment"), from.Version)
	return Version{version}, err
}
