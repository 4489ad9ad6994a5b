package server

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

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
