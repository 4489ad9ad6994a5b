package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) removePlatform(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return remove(r, func(o cloud.RemovalOptions) (cloud.Removal, error) {
		return s.cloud.RemovePlatform(r.Context(), c, r.PathValue("platform"), o)
	})
}

func (s *Server) removeMiniProgram(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return remove(r, func(o cloud.RemovalOptions) (cloud.Removal, error) {
		return s.cloud.RemoveMiniProgram(r.Context(), c, r.PathValue("appid"), o)
	})
}

func (s *Server) removeEnvironment(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return remove(r, func(o cloud.RemovalOptions) (cloud.Removal, error) {
		return s.cloud.RemoveEnvironment(r.Context(), c, r.PathValue("environment"), o)
	})
}

func (s *Server) removeFunction(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	if err := (parameters{}).read(r); err != nil {
		return nil, err
	}
	return nil, s.cloud.RemoveFunction(r.Context(), c, r.PathValue("environment"), r.PathValue("function_name"))
}

// remove reads the options of a removal, and answers 202 while something is left.
func remove(r *http.Request, do func(cloud.RemovalOptions) (cloud.Removal, error)) (any, error) {
	var cascade, dry cloud.Maybe[bool]
	if err := (parameters{"cascade": truth(&cascade), "dry_run": truth(&dry)}).read(r); err != nil {
		return nil, err
	}
	result, err := do(cloud.RemovalOptions{Cascade: cascade.Value, DryRun: dry.Value})
	if !result.Done && !dry.Value {
		return accepted{result}, err
	}
	return result, err
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
	return c.remove(ctx, "/v1/environments/"+url.PathEscape(id), o)
}

// RemoveFunction removes a function.
func (c *Client) RemoveFunction(ctx context.Context, env, name string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "functions/"+url.PathEscape(name)), content{}, nil)
}

func (c *Client) remove(ctx context.Context, path string, o cloud.RemovalOptions) (r cloud.Removal, err error) {
	query := url.Values{}
	for name, set := range map[string]bool{"cascade": o.Cascade, "dry_run": o.DryRun} {
		if set {
			query.Set(name, strconv.FormatBool(set))
		}
	}
	return r, c.call(ctx, "DELETE", path+"?"+query.Encode(), content{}, &r)
}
