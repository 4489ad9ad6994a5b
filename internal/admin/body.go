package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// limitBody returns the body of a request, which fails once more than most
// bytes are read. A body that announces more is refused at once.
func limitBody(w http.ResponseWriter, r *http.Request, most int64) (io.ReadCloser, error) {
	if r.ContentLength > most {
		return nil, bodyError(&http.MaxBytesError{Limit: most}, "")
	}
	return http.MaxBytesReader(w, r.Body, most), nil
}

// bodyError returns the refusal of a body that could not be read; what says
// what it should have been.
func bodyError(err error, what string) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &httpError{http.StatusRequestEntityTooLarge, tcb.MalformedBody,
			fmt.Sprintf("the body is over %d bytes", large.Limit)}
	}
	return cloud.Refused(cloud.MalformedBody, what+": "+err.Error())
}

// maxJSON bounds the body of a request that has a few values.
const maxJSON = 64 << 10

// readJSON reads a request's body: one JSON value of known members, of at most
// that many bytes.
func readJSON(w http.ResponseWriter, r *http.Request, most int64, v any) error {
	body, err := limitBody(w, r, most)
	if err != nil {
		return err
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err = d.Decode(v); err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = cmp.Or(err, errors.New("something follows it"))
	}
	return bodyError(err, "the body must be JSON")
}
