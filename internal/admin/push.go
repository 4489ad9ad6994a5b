package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

func (s *Server) pushes(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.PushFilter
	return list(r, parameters{
		"kind":  oneOf(&f.Kind, tcb.EventTicket, tcb.EventAuthorized, tcb.EventUpdateAuthorized, tcb.EventUnauthorized),
		"appid": anyText(&f.AppID), "state": oneOf(&f.State, "waiting", "delivered", "superseded", "given_up"),
	},
		func(p cloud.Page) ([]cloud.PushView, error) {
			return s.cloud.Pushes(r.Context(), r.PathValue("platform"), f, p)
		})
}

// NewPush is what is to be pushed: "ticket".
type NewPush struct {
	Kind cloud.Maybe[string] `json:"kind,omitzero"`
}

func (s *Server) addPush(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var p NewPush
	if err := readChange(w, r, &p); err != nil {
		return nil, err
	}
	if p.Kind.Value != "ticket" {
		return nil, cloud.RefusedMember("kind", "kind must be ticket: events are pushed by what they tell of")
	}
	all, err := s.cloud.PushTicket(r.Context(), c, r.PathValue("platform"))
	return accepted{List[cloud.PushView]{Items: all}}, err
}

func (s *Server) pushAgain(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	if err := readChange(w, r, &struct{}{}); err != nil {
		return nil, err
	}
	p, err := s.cloud.PushAgain(r.Context(), c, r.PathValue("platform"), r.PathValue("push"))
	return accepted{p}, err
}

// Pushes gives the pushes of a platform that the query chooses to each, the latest
// first.
func (c *Client) Pushes(ctx context.Context, platform string, query url.Values, each func(cloud.PushView) error) error {
	return Each(ctx, c, platformPath(platform)+"/pushes", query, each)
}

// PushTicket has the ticket of a platform pushed to each of its event addresses, and
// returns the pushes, which have begun.
func (c *Client) PushTicket(ctx context.Context, platform string) ([]cloud.PushView, error) {
	all, err := ask[List[cloud.PushView]](
		ctx, c, "POST", platformPath(platform)+"/pushes", NewPush{cloud.Given("ticket")})
	return all.Items, err
}

// PushAgain has a push sent once more.
func (c *Client) PushAgain(ctx context.Context, platform, id string) (cloud.PushView, error) {
	return ask[cloud.PushView](ctx, c, "POST", platformPath(platform)+"/pushes/"+url.PathEscape(id)+"/again", nil)
}
