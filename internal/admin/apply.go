package admin

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
)

// Apply asks the server to become what a world says. Code gives, for each zip
// that the world names, the SHA-256 of what was put to /v1/code before.
type Apply struct {
	World json.RawMessage   `json:"world"`
	Code  map[string]string `json:"code,omitempty"`
}

// Applied is what changed; nothing when the world was so already.
type Applied struct {
	Changes []cloud.Applied `json:"changes"`
}

func (s *Server) apply(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var req Apply
	if err := readJSON(w, r, maxWorld, &req); err != nil {
		return nil, err
	}
	if len(req.World) == 0 {
		return nil, &cloud.Error{Kind: cloud.MissingParameter, Detail: "world is missing"}
	}
	file, err := world.Decode(req.World, "")
	if err != nil {
		return nil, err
	}
	changes, err := s.cloud.Apply(r.Context(), c, Rules(file, req.Code))
	if changes == nil {
		changes = []cloud.Applied{}
	}
	return Applied{changes}, err
}

// Rules turns a world file into what the rules know. code gives the SHA-256
// of each zip that the file names.
func Rules(file *world.World, code map[string]string) cloud.World {
	var w cloud.World
	for _, p := range file.Platforms {
		w.Platforms = append(w.Platforms, cloud.WorldPlatform{Line: p.Line, AppID: p.AppID, Secret: p.Secret, Ticket: p.VerifyTicket})
	}
	for _, m := range file.MiniPrograms {
		w.MiniPrograms = append(w.MiniPrograms, cloud.WorldMiniProgram{Line: m.Line, AppID: m.AppID, Cloud: m.Cloud})
	}
	for _, e := range file.Environments {
		w.Environments = append(w.Environments, cloud.WorldEnvironment{
			Line: e.Line, ID: e.ID, Account: cmp.Or(e.AppID, e.Platform), Batch: e.Platform != "", Open: e.Open, Whitelist: e.APIWhitelist,
		})
	}
	for _, a := range file.Authorizations {
		w.Authorizations = append(w.Authorizations, cloud.WorldAuthorization{
			Line: a.Line, Platform: a.Platform, AppID: a.AppID, Sets: a.PermissionSets, RefreshToken: a.RefreshToken,
		})
	}
	for _, f := range file.Functions {
		fn := cloud.WorldFunction{Line: f.Line, Env: f.Env, Name: f.Name, Zip: f.Zip}
		if f.Zip != "" {
			fn.Sum = code[f.Zip]
		}
		w.Functions = append(w.Functions, fn)
	}
	return w
}
