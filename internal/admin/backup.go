package admin

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// Whoever takes a backup gets it in pieces, and may take stallTime for each.
const (
	pieceBytes = 256 << 10
	stallTime  = time.Minute
)

// backupArchive streams an archive of everything.
func (s *Server) backupArchive(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	if s.backup == nil {
		return nil, &httpError{http.StatusNotImplemented, tcb.InvalidURL, "this server makes no backups"}
	}
	return s.stream(w, "application/x-tar", "a backup", func(out io.Writer) error { return s.backup(r.Context(), c, out) })
}

// stream answers with what write writes, as long as somebody takes it. what it is, is
// for the log.
func (s *Server) stream(w http.ResponseWriter, mime, what string, write func(io.Writer) error) (any, error) {
	pieces := &pieces{w: w, conn: http.NewResponseController(w), mime: mime}
	out := bufio.NewWriterSize(pieces, pieceBytes)
	err := write(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil && pieces.begun {
		s.log.Error(what+" broke off", "err", err)
		panic(http.ErrAbortHandler) // so that a part does not pass for the whole
	}
	return streamed{}, err
}

// pieces is an answer that takes as long as it needs, as long as somebody
// takes it.
type pieces struct {
	w     http.ResponseWriter
	conn  *http.ResponseController
	begun bool
	mime  string
}

func (p *pieces) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", p.mime)
	}
	_ = p.conn.SetWriteDeadline(time.Now().Add(stallTime))
	return p.w.Write(b)
}

// Backup writes an archive of everything that the server keeps to w. With an
// error, what was written is no archive.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/v1/backup", "", w)
}
