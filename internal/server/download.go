package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
)

// downloadPath is where the links lead.
const downloadPath = "/download/"

// linkToken returns the token of a path that is a link's, "" of another.
func linkToken(path string) string {
	token, isLink := strings.CutPrefix(path, downloadPath)
	if !isLink || strings.Contains(token, "/") {
		return ""
	}
	return token
}

// downloads is the entrance of the links that downloadfunction gives (DF-7 to
// DF-11). Its answers are ordinary HTTP, for browsers and curl.
var downloads = entrance{name: "download", serve: (*Server).serveLink, refuse: refuseLink}

// serveLink answers with the code that a link leads to, and counts code that
// does not match its checksum.
func (s *Server) serveLink(v *visit) error {
	err := s.sendCode(v)
	if errors.Is(err, blob.ErrCorrupt) {
		s.metrics.corrupt.Inc()
	}
	return err
}

func (s *Server) sendCode(v *visit) error {
	w, r := v.w, v.r
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return cloud.Refused(cloud.WrongMethod, "a link is for GET and HEAD")
	}
	// A query is ignored: libraries add their access_token to every address
	// (DF-8). The signature covers the path.
	code, err := s.cloud.OpenLink(context.WithoutCancel(r.Context()), linkToken(rawPath(r)), developerSets, v.rid)
	v.caller, v.env = code.Caller, code.Env
	if err != nil {
		return err
	}
	defer code.Close()
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")               // the address is the secret
	if code.Address != "" && r.Method == http.MethodGet { // a presigned address is only for GET
		h.Set("Cache-Control", "private, no-store")
		http.Redirect(w, r, code.Address, http.StatusFound)
		return nil
	}
	v.begun = true
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.transferTime))
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+code.Function+`.zip"`)
	h.Set("ETag", `"`+code.Checksum+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	if s.random != nil {
		w = &boundaryWriter{ResponseWriter: w, random: s.random}
	}
	guard := &guardedWriter{ResponseWriter: w, code: code.Blob}
	http.ServeContent(guard, r, "", time.Time{}, content(code.Blob))
	return guard.err
}

// linkRefusals are the statuses and texts of links that give no code: 403 for
// the link's fault, 503 or 500 for the server's.
var linkRefusals = map[cloud.Kind]struct {
	status int
	text   string
}{
	cloud.WrongMethod:  {http.StatusMethodNotAllowed, ""},
	cloud.LinkInvalid:  {http.StatusForbidden, "the link is not valid"},
	cloud.LimitReached: {http.StatusTooManyRequests, "too many requests: try again"},
	cloud.Unavailable:  {http.StatusServiceUnavailable, "the code cannot be reached: try again"},
	cloud.Internal:     {http.StatusInternalServerError, "the code cannot be given"},
}

func refuseLink(v *visit, err error) {
	refusal, known := linkRefusals[cloud.KindOf(err)]
	if !known {
		refusal = linkRefusals[cloud.Internal]
	}
	if refusal.status == http.StatusMethodNotAllowed {
		v.w.Header().Set("Allow", "GET, HEAD")
	}
	http.Error(v.w, cmp.Or(detailOf(err), refusal.text)+" rid: "+v.rid, refusal.status)
}

// content is what ServeContent reads: the file itself where there is one, so
// that the kernel sends it.
func content(b blob.Blob) io.ReadSeeker {
	if f, ok := b.(interface{ File() *os.File }); ok {
		return f.File()
	}
	return b
}

// heldBack is how many bytes of a body wait for a last check of the stored
// code.
const heldBack = 1

// guardedWriter sends a body except its last byte, checks that the stored code
// is still what was verified, and only then sends the rest: code that is
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

// onlyWriter hides ReadFrom, so that a copy comes in small pieces to Write.
type onlyWriter struct{ io.Writer }

// Write sends what comes in small pieces, each after a check.
func (g *guardedWriter) Write(p []byte) (int, error) {
	if g.err = g.code.Intact(); g.err != nil {
		return 0, g.err
	}
	return g.ResponseWriter.Write(p)
}

// boundaryWriter puts a boundary of a server's seed in the place of that which
// net/http draws for an answer of several ranges. net/http writes each boundary
// at once.
type boundaryWriter struct {
	http.ResponseWriter
	random        io.Reader
	drawn, seeded []byte
}

// WriteHeader implements http.ResponseWriter.
func (b *boundaryWriter) WriteHeader(status int) {
	h := b.Header()
	if kind, drawn, ok := strings.Cut(h.Get("Content-Type"), "; boundary="); ok {
		raw := make([]byte, len(drawn)/2)
		_, _ = io.ReadFull(b.random, raw) // which does not fail
		b.drawn, b.seeded = []byte(drawn), []byte(hex.EncodeToString(raw))
		h.Set("Content-Type", kind+"; boundary="+string(b.seeded))
	}
	b.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (b *boundaryWriter) Write(p []byte) (int, error) {
	if b.drawn == nil {
		return b.ResponseWriter.Write(p)
	}
	if _, err := b.ResponseWriter.Write(bytes.ReplaceAll(p, b.drawn, b.seeded)); err != nil {
		return 0, err
	}
	return len(p), nil
}
