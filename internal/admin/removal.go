package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) removeFunction(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RemoveFunction(r.Context(), c, r.PathValue("environment"), r.PathValue("function_name"))
}

// removal removes what a parameter of the path names. It reads the options, and answers
// 202 while something is left.
func removal(
	name string, remove func(context.Context, cloud.Caller, string, cloud.RemovalOptions) (cloud.Removal, error),
) handler {
	return func(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
		var cascade, dry cloud.Maybe[bool]
		if err := (parameters{"cascade": truth(&cascade), "dry_run": truth(&dry)}).read(r); err != nil {
			return nil, err
		}
		o := cloud.RemovalOptions{Cascade: cascade.Value, DryRun: dry.Value}
		result, err := remove(r.Context(), c, r.PathValue(name), o)
		if !result.Done && !dry.Value {
			return accepted{result}, err
		}
		return result, err
	}
}

// RemovePlatform removes a platform, as far as one request can: while it is not
// done, the same call goes on.
func (c *Client) RemovePlatform(ctx context.Context, appid string, o cloud.RemovalOptions) (cloud.Removal, error) {
	return c.remove(ctx, platformPath(appid), o)
}

// RemoveMiniProgram likewise removes a Mini Program.
func (c *Client) RemoveMiniProgram(ctx context.Context, appid string, o cloud.RemovalOptions) (cloud.Removal, error) {
	return c.remove(ctx, miniProgramPath(appid), o)
}

// RemoveEnvironment likewise removes an environment.
func (c *Client) RemoveEnvironment(ctx context.Context, id string, o cloud.RemovalOptions) (cloud.Removal, error) {
	return c.remove(ctx, environmentPath(id, ""), o)
}

// RemoveFunction removes a function.
func (c *Client) RemoveFunction(ctx context.Context, env, name string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "/functions/"+url.PathEscape(name)), content{}, nil)
}

func (c *Client) remove(ctx context.Context, path string, o cloud.RemovalOptions) (cloud.Removal, error) {
	query := url.Values{}
	for name, set := range map[string]bool{"cascade": o.Cascade, "dry_run": o.DryRun} {
		if set {
			query.Set(name, strconv.FormatBool(set))
		}
	}
	return ask[cloud.Removal](ctx, c, "DELETE", path+"?"+query.Encode(), nil)
}
