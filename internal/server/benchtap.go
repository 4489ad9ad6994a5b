package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/journal"
)

// bodyTap keeps the beginning of a body that is read through it.
type bodyTap struct {
	io.ReadCloser
	kept []byte
	size int64
}

// Read reads.
func (b *bodyTap) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept = keep(b.kept, p[:n])
	b.size += int64(n)
	return n, err
}

func (b *bodyTap) isCut() bool { return b.size > int64(len(b.kept)) }

// keep appends as much as is kept.
func keep(kept, more []byte) []byte {
	return append(kept, more[:min(len(more), journal.MaxBody-len(kept))]...)
}

// answerTap keeps the beginning of an answer that is written through it, and does to
// the answer what a fault wants.
type answerTap struct {
	http.ResponseWriter
	kept   []byte
	size   int64
	status int
	zip    hash.Hash // of an answer that is one

	isLost   bool // nothing of it is sent
	cuts     bool // it breaks off after so many bytes
	cutAfter int64
	isCut    bool   // it has
	alters   bool   // the byte in its middle is flipped
	held     bool   // its header waits for the first byte
	waiting  []byte // what was written last
}

// Unwrap lets the deadlines of the connection be set.
func (a *answerTap) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// FlushError sends what was written.
func (a *answerTap) FlushError() error {
	if a.isLost || a.held {
		return nil
	}
	if err := a.send(); err != nil {
		return err
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// WriteHeader begins the answer.
func (a *answerTap) WriteHeader(status int) {
	if status >= http.StatusOK && a.status == 0 {
		a.status = status
		if strings.HasPrefix(a.Header().Get("Content-Type"), "application/zip") {
			a.zip = sha256.New()
		}
		a.held = a.cuts
	}
	if !a.isLost && !a.held {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write sends a part of the answer.
func (a *answerTap) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.zip != nil {
		a.zip.Write(p)
	} else {
		a.kept = keep(a.kept, p)
	}
	at := a.size
	a.size += int64(len(p))
	switch {
	case a.isLost:
		return len(p), nil
	case a.cuts:
		return a.writeCut(p, at)
	case a.alters:
		p = a.altered(p, at)
	}
	if err := a.send(); err != nil {
		return 0, err
	}
	a.waiting = append(a.waiting, p...)
	return len(p), nil
}

// send sends what was written last. It waits for more or for the end, so that an
// answer ends for its caller only when it stands in the journal.
func (a *answerTap) send() error {
	if len(a.waiting) == 0 {
		return nil
	}
	_, err := a.ResponseWriter.Write(a.waiting)
	a.waiting = a.waiting[:0]
	return err
}

// writeCut sends a part up to where the answer breaks off. Its length was promised,
// so that the caller sees that.
func (a *answerTap) writeCut(p []byte, at int64) (int, error) {
	left := a.cutAfter - at
	if a.isCut {
		return 0, errInjected
	}
	if a.held {
		if h := a.Header(); h.Get("Content-Length") == "" && int64(len(p)) > left {
			h.Set("Content-Length", strconv.Itoa(len(p)))
		}
		a.held = false
		a.ResponseWriter.WriteHeader(a.status)
	}
	if int64(len(p)) <= left {
		return a.ResponseWriter.Write(p)
	}
	n, err := a.ResponseWriter.Write(p[:left])
	a.isCut = true
	if err == nil {
		err = a.FlushError()
	}
	if err == nil {
		err = errInjected
	}
	return n, err
}

// altered returns a part of the answer, with one byte flipped if it is in it.
func (a *answerTap) altered(p []byte, at int64) []byte {
	length, _ := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64) // 0 if it is not known
	i := length/2 - at
	if i < 0 || i >= int64(len(p)) {
		return p
	}
	p = append([]byte(nil), p...)
	p[i] ^= 1
	return p
}

// end sends what still waits.
func (a *answerTap) end() {
	if a.held {
		a.held = false
		a.ResponseWriter.WriteHeader(a.status)
	}
	_ = a.send() // fails if the caller has gone away
}

// text is the answer as the journal has it: of a zip the size and the checksum.
func (a *answerTap) text() string {
	if a.zip != nil {
		return zipText(a.size, hex.EncodeToString(a.zip.Sum(nil)))
	}
	return journal.MaskBody(a.kept, "")
}

func (a *answerTap) isTooLong() bool { return a.zip == nil && a.size > int64(len(a.kept)) }

// zipText stands for a zip in the journal.
func zipText(size int64, sum string) string {
	return fmt.Sprintf("zip of %d bytes, sha256 %s", size, sum)
}
