package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) miniPrograms(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.MiniProgramFilter
	return list(r, parameters{"cloud": truth(&f.Cloud)}, func(p cloud.Page) ([]cloud.MiniProgram, error) {
		return s.cloud.MiniPrograms(r.Context(), f, p)
	})
}

// MiniPrograms gives the Mini Programs that the query chooses to each, by appid.
func (c *Client) MiniPrograms(ctx context.Context, query url.Values, each func(cloud.MiniProgram) error) error {
	return Each(ctx, c, "/v1/miniprograms", query, each)
}
