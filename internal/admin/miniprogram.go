package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) miniPrograms(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.MiniProgramFilter
	return list(r, parameters{
		"name": anyText(&f.Name), "principal": anyText(&f.Principal), "cloud": truth(&f.Cloud), "disabled": truth(&f.Disabled),
	}, func(p cloud.Page) ([]cloud.MiniProgram, error) { return s.cloud.MiniPrograms(r.Context(), f, p) })
}

// MiniPrograms gives the Mini Programs that the query chooses to each, by appid.
func (c *Client) MiniPrograms(ctx context.Context, query url.Values, each func(cloud.MiniProgram) error) error {
	return Each(ctx, c, "/v1/miniprograms", query, each)
}

// MiniProgram returns a Mini Program.
func (c *Client) MiniProgram(ctx context.Context, appid string) (cloud.MiniProgram, error) {
	return ask[cloud.MiniProgram](ctx, c, "GET", miniProgramPath(appid), nil)
}

// PutMiniProgram makes a Mini Program, or replaces one whole.
func (c *Client) PutMiniProgram(
	ctx context.Context, appid string, with cloud.MiniProgramChange,
) (cloud.MiniProgram, error) {
	return ask[cloud.MiniProgram](ctx, c, "PUT", miniProgramPath(appid), with)
}

// ChangeMiniProgram changes the members that are given.
func (c *Client) ChangeMiniProgram(
	ctx context.Context, appid string, with cloud.MiniProgramChange,
) (cloud.MiniProgram, error) {
	return ask[cloud.MiniProgram](ctx, c, "PATCH", miniProgramPath(appid), with)
}

func miniProgramPath(appid string) string { return "/v1/miniprograms/" + url.PathEscape(appid) }
