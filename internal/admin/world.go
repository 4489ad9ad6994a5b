package admin

import (
	"bufio"
	"context"
	"io"
	"net/http"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
)

// world streams a world file of everything, without secrets.
func (s *Server) world(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	pieces := &pieces{w: w, conn: http.NewResponseController(w), mime: "application/yaml"}
	out := bufio.NewWriterSize(pieces, pieceBytes)
	_, err := io.WriteString(out, "# Everything that this server keeps, without secrets and code. Applied, it changes nothing.\n")
	if err == nil {
		err = s.cloud.ExportWorld(r.Context(), world.NewWriter(out).Write)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil && pieces.begun {
		s.log.Error("a world file broke off", "err", err)
		panic(http.ErrAbortHandler) // so that half a world does not pass for the whole
	}
	return streamed{}, err
}

// World writes a world file of everything, without secrets, to w. With an error, what
// was written is not the whole.
func (c *Client) World(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/v1/world", "", w)
}
