package admin

import (
	"context"
	"encoding/json"
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

func (s *Server) miniProgram(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	if err := (parameters{}).read(r); err != nil {
		return nil, err
	}
	m, err := s.cloud.MiniProgram(r.Context(), r.PathValue("appid"))
	return tagged(w, m, err)
}

func (s *Server) putMiniProgram(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var with cloud.MiniProgramChange
	if err := readChange(w, r, &with); err != nil {
		return nil, err
	}
	m, made, err := s.cloud.PutMiniProgram(r.Context(), c, r.PathValue("appid"), with)
	v, err := tagged(w, m, err)
	return put(v, made), err
}

func (s *Server) changeMiniProgram(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var with cloud.MiniProgramChange
	if err := readChange(w, r, &with); err != nil {
		return nil, err
	}
	m, err := s.cloud.ChangeMiniProgram(r.Context(), c, r.PathValue("appid"), with)
	return tagged(w, m, err)
}

// MiniPrograms gives the Mini Programs that the query chooses to each, by appid.
func (c *Client) MiniPrograms(ctx context.Context, query url.Values, each func(cloud.MiniProgram) error) error {
	return Each(ctx, c, "/v1/miniprograms", query, each)
}

// MiniProgram returns a Mini Program.
func (c *Client) MiniProgram(ctx context.Context, appid string) (m cloud.MiniProgram, err error) {
	return m, c.call(ctx, "GET", miniProgramPath(appid), content{}, &m)
}

// PutMiniProgram makes a Mini Program, or replaces one whole.
func (c *Client) PutMiniProgram(
	ctx context.Context, appid string, with cloud.MiniProgramChange,
) (m cloud.MiniProgram, err error) {
	return m, c.send(ctx, "PUT", miniProgramPath(appid), with, &m)
}

// ChangeMiniProgram changes the members that are given.
func (c *Client) ChangeMiniProgram(
	ctx context.Context, appid string, with cloud.MiniProgramChange,
) (m cloud.MiniProgram, err error) {
	return m, c.send(ctx, "PATCH", miniProgramPath(appid), with, &m)
}

func miniProgramPath(appid string) string { return "/v1/miniprograms/" + url.PathEscape(appid) }

// send sends a value as JSON, and decodes the answer into v.
func (c *Client) send(ctx context.Context, method, path string, value, v any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.call(ctx, method, path, jsonContent(text), v)
}
