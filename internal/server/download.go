package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// downloadPath is where the links lead.
const downloadPath = "/download/"

const downloadName = "download"

// download serves the code that a link leads to (DF-7 to DF-11). Its answers
// are ordinary HTTP, for browsers and curl.
func (s *Server) download(w http.ResponseWriter, r *http.Request, token string) {
	rid := s.rids.next(time.Now())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a link is for GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	code, err := s.openLink(r, token, rid)
	if err != nil {
		s.refuseDownload(w, r, rid, err)
		return
	}
	defer code.Close()
	if code.Address != "" && r.Method == http.MethodGet { // a presigned address is for GET alone
		w.Header().Set("Cache-Control", "private, no-store")
		http.Redirect(w, r, code.Address, http.StatusFound)
		s.metrics.count(downloadName, tcb.OK)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.transferTime))
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+code.Function+`.zip"`)
	h.Set("ETag", `"`+code.Checksum+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	guard := &guardedWriter{ResponseWriter: w, code: code.Blob}
	http.ServeContent(guard, r, "", time.Time{}, content(code.Blob))
	if guard.err == nil {
		s.metrics.count(downloadName, tcb.OK)
	} else {
		s.metrics.count(downloadName, tcb.SystemError)
		if errors.Is(guard.err, blob.ErrCorrupt) {
			s.metrics.corrupt.Inc()
		}
		s.logCall(r.Context(), downloadName, rid, tcb.SystemError, guard.err)
		panic(http.ErrAbortHandler) // the answer breaks off (DF-11)
	}
}

func (s *Server) openLink(r *http.Request, token, rid string) (code cloud.Code, err error) {
	defer func() {
		if p := recover(); p != nil { // EN-13
			err = &cloud.Error{Kind: cloud.Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return cloud.Code{}, &cloud.Error{Kind: cloud.LinkInvalid, Detail: "the link was altered"}
	}
	return s.cloud.OpenLink(context.WithoutCancel(r.Context()), token, rid)
}

// refuseDownload answers a link that gives no code: 403 for the link's fault,
// 503 or 500 for the server's.
func (s *Server) refuseDownload(w http.ResponseWriter, r *http.Request, rid string, err error) {
	status, text := http.StatusInternalServerError, "the code cannot be given"
	switch cloud.KindOf(err) {
	case cloud.LinkInvalid:
		status, text = http.StatusForbidden, "the link is not valid"
	case cloud.Unavailable:
		status, text = http.StatusServiceUnavailable, "the code cannot be reached: try again"
	}
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Detail != "" {
		text = e.Detail
	}
	if errors.Is(err, blob.ErrCorrupt) {
		s.metrics.corrupt.Inc()
	}
	s.metrics.count(downloadName, cloud.CodeOf(err))
	s.logCall(r.Context(), downloadName, rid, cloud.CodeOf(err), err)
	http.Error(w, text+" rid: "+rid, status)
}

// content is what ServeContent reads: the file itself where there is one, so
// that the kernel sends it.
func content(b blob.Blob) io.ReadSeeker {
	if f, ok := b.(interface{ File() *os.File }); ok {
		return f.File()
	}
	return b
}

// heldBack is how many bytes of a body wait for a last look at the stored
// code.
const heldBack = 1

// guardedWriter sends a body but for its last byte, looks whether the stored
// code is still what was verified, and only then sends the rest: code that is
// altered while it is being sent never arrives whole (DF-11).
type guardedWriter struct {
	http.ResponseWriter
	code blob.Blob
	err  error // why the body was broken off
}

// ReadFrom is how ServeContent sends one range; it keeps the kernel's copy
// from file to socket.
func (g *guardedWriter) ReadFrom(src io.Reader) (int64, error) {
	to, ok := g.ResponseWriter.(io.ReaderFrom)
	limited, isLimited := src.(*io.LimitedReader)
	if !ok || !isLimited || limited.N <= heldBack {
		return io.Copy(onlyWriter{g}, src)
	}
	most := &io.LimitedReader{R: limited.R, N: limited.N - heldBack}
	n, err := to.ReadFrom(most)
	limited.N -= n
	if err != nil || limited.N > heldBack {
		return n, err
	}
	m, err := io.Copy(onlyWriter{g}, limited)
	return n + m, err
}

// Write sends what comes in small pieces, each after a look.
func (g *guardedWriter) Write(p []byte) (int, error) {
	if g.err = g.code.Intact(); g.err != nil {
		return 0, g.err
	}
	return g.ResponseWriter.Write(p)
}
