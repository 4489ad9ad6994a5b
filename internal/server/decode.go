package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/opentcb/opentcb/internal/cloud"
)

// maxBody is the largest body of a call, in bytes (EN-9).
const maxBody = 1 << 20

// smallBody bounds what is allocated on the word of Content-Length; larger
// bodies grow as they arrive.
const smallBody = 16 << 10

// bodies are buffers for reading bodies.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// readBody reads the body into buf, or a larger one. A body that is too large
// is not read to its end.
func readBody(w http.ResponseWriter, r *http.Request, buf []byte) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var err error
	if n := int(r.ContentLength); n >= 0 && n <= smallBody {
		buf = slices.Grow(buf[:0], n)[:n]
		if _, err = io.ReadFull(r.Body, buf); err == nil {
			_ = r.Body.Close() // net/http need not look for more
		}
	} else {
		b := bytes.NewBuffer(buf[:0])
		_, err = b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
		buf = b.Bytes()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, notWhole(err)
	}
	return buf, nil
}

// errTooLarge is the refusal of a body beyond maxBody.
var errTooLarge = cloud.Refused(cloud.MalformedBody, "the body is over 1 MiB")

// notWhole is the refusal of a body that ended, or could not be read, in the
// middle.
func notWhole(err error) error {
	return &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body did not arrive whole", Err: err}
}

// member is a member of a body that must be there.
type member struct {
	name   string
	absent bool
}

// decode reads a body into a request: present (44002), a JSON object (47001),
// with what is required (40101) and of the right types (40097), in this
// order. Member names match without regard to case, null counts as absent
// and unknown members are ignored (EN-7), all of which encoding/json does.
func decode[Req any](body []byte, required func(*Req) []member) (*Req, error) {
	if len(body) == 0 {
		return nil, cloud.Refused(cloud.EmptyBody, "")
	}
	if text := bytes.TrimLeft(body, " \t\r\n"); len(text) == 0 || text[0] != '{' {
		return nil, cloud.Refused(cloud.MalformedBody, "the body must be a JSON object")
	}
	req := new(Req)
	err := json.Unmarshal(body, req)
	wrongType, isType := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !isType {
		return nil, &cloud.Error{Kind: cloud.MalformedBody, Err: err}
	}
	if !isType {
		return req, missing(required(req), nil)
	}
	if err := missing(required(req), body); err != nil {
		return nil, err
	}
	return nil, cloud.Refused(cloud.InvalidArgs, typeDetail(wrongType))
}

// missing returns the refusal of the first member that is absent, and that the
// body, if one is given, does not mention either.
func missing(members []member, body []byte) error {
	for _, m := range members {
		if m.absent && (body == nil || !mentions(body, m.name)) {
			return cloud.Refused(cloud.MissingParameter, m.name)
		}
	}
	return nil
}

// mentions reports whether a body has a member of that name that is not null:
// a member of a wrong type is there, though it was not decoded.
func mentions(body []byte, name string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return false
	}
	for k, v := range members {
		if strings.EqualFold(k, name) && string(v) != "null" {
			return true
		}
	}
	return false
}

// typeDetail says what a member should have been. The member's name is ours:
// nothing of the body is repeated.
func typeDetail(e *json.UnmarshalTypeError) string {
	name, _, _ := strings.Cut(e.Field, ".")
	want := e.Type.Kind().String()
	switch {
	case name == "api_whitelist":
		want = "an array of strings"
	case e.Type.Kind() == reflect.Bool:
		want = "a boolean"
	case e.Type.Kind() == reflect.Int64:
		want = "an integer"
	case e.Type.Kind() == reflect.String:
		want = "a string"
	}
	return fmt.Sprintf("%s must be %s", name, want)
}

// drain reads what is left of a body, to its limit, so that the answer
// reaches a caller that sends before it reads. It returns why it ended early.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
