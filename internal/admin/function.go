package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) functions(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return list(r, parameters{}, func(p cloud.Page) ([]cloud.FunctionView, error) {
		return s.cloud.FunctionViews(r.Context(), r.PathValue("environment"), p)
	})
}

func (s *Server) function(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return s.cloud.FunctionView(r.Context(), r.PathValue("environment"), r.PathValue("function_name"))
}

// readCode streams a function's code. Its last byte follows only if the code is still
// what was verified, so that altered code never arrives whole.
func (s *Server) readCode(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	code, err := s.cloud.ReadCode(r.Context(), c, r.PathValue("environment"), r.PathValue("function_name"))
	if err != nil {
		return nil, err
	}
	return s.sendCode(w, code)
}

// sendCode streams code, and closes it.
func (s *Server) sendCode(w http.ResponseWriter, code cloud.Code) (any, error) {
	defer code.Close()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Length", fmt.Sprint(code.Size()))
	h.Set("Content-Disposition", `attachment; filename="`+code.Function+`.zip"`)
	h.Set("ETag", `"`+code.Checksum+`"`)
	h.Set("Cache-Control", "no-store")
	conn := http.NewResponseController(w)
	for piece := make([]byte, pieceBytes); ; {
		n, err := code.Read(piece)
		if errors.Is(err, io.EOF) {
			return streamed{}, nil
		}
		if err == nil {
			err = code.Intact()
		}
		if err == nil {
			_ = conn.SetWriteDeadline(time.Now().Add(stallTime))
			_, err = w.Write(piece[:n])
		}
		if err != nil {
			s.log.Error("code was not sent whole", "rid", code.Caller.RID, "err", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// Functions gives the functions of an environment to each, by name.
func (c *Client) Functions(ctx context.Context, env string, each func(cloud.FunctionView) error) error {
	return Each(ctx, c, environmentPath(env, "/functions"), nil, each)
}

// Function returns a function.
func (c *Client) Function(ctx context.Context, env, name string) (cloud.FunctionView, error) {
	return ask[cloud.FunctionView](ctx, c, "GET", environmentPath(env, "/functions/"+url.PathEscape(name)), nil)
}

// ReadCode writes a function's code to w, whoever uploaded it. With an error, what was
// written is not the code.
func (c *Client) ReadCode(ctx context.Context, env, name string, w io.Writer) error {
	return c.download(ctx, environmentPath(env, "/functions/"+url.PathEscape(name)+"/code"), "", w)
}
