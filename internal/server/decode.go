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

// smallBody is how much is made ready for a body by its announced length. A
// larger one is given room as it arrives: announcing costs a client nothing.
const smallBody = 16 << 10

// bodies are buffers for reading bodies.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// codec is what decode has to know of a request besides its type.
type codec[Req any] struct {
	// required lists the members that must be there.
	required func(*Req) []member
	// plain reads the value of a member, named exactly, as plainMembers wants it;
	// false for any other. It may be nil: then every body goes through
	// encoding/json.
	plain func(r *Req, name, from string) (rest string, ok bool)
}

// member is a member of a request that must be there.
type member struct {
	name   string
	absent bool
}

// readBody reads the body into buf, or a larger one. A body that is too large
// is not read to its end.
func readBody(w http.ResponseWriter, r *http.Request, buf []byte) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	var err error
	if n := int(r.ContentLength); n >= 0 && n <= smallBody {
		buf = slices.Grow(buf[:0], n)[:n]
		if _, err = io.ReadFull(r.Body, buf); err == nil {
			_ = r.Body.Close() // net/http need not look for more
		}
	} else {
		buf, err = readAll(http.MaxBytesReader(w, r.Body, maxBody), buf)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body did not arrive whole", Err: err}
	}
	return buf, nil
}

func readAll(r io.Reader, buf []byte) ([]byte, error) {
	b := bytes.NewBuffer(buf[:0])
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

func tooLarge() error {
	return &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body is over 1 MiB"}
}

// decode reads a body into a request: present (44002), a JSON object (47001),
// with what is required (40101) and of the right types (40097), in this
// order. Member names match without regard to case, null counts as absent
// and unknown members are ignored (EN-7), all of which encoding/json does.
func decode[Req any](body []byte, c codec[Req]) (*Req, error) {
	if len(body) == 0 {
		return nil, &cloud.Error{Kind: cloud.EmptyBody}
	}
	if c.plain != nil {
		req := new(Req)
		if plainMembers(string(body), func(name, from string) (string, bool) { return c.plain(req, name, from) }) {
			return req, missing(c.required(req), nil)
		}
	}
	if text := bytes.TrimLeft(body, " \t\r\n"); len(text) == 0 || text[0] != '{' {
		return nil, &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body must be a JSON object"}
	}
	req := new(Req)
	err := json.Unmarshal(body, req)
	wrongType, isType := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !isType {
		return nil, &cloud.Error{Kind: cloud.MalformedBody, Err: err}
	}
	if !isType {
		return req, missing(c.required(req), nil)
	}
	if err := missing(c.required(req), body); err != nil {
		return nil, err
	}
	return nil, &cloud.Error{Kind: cloud.InvalidArgs, Detail: typeDetail(wrongType)}
}

// missing is the refusal of the first member that is absent, and that the
// body, if one is given, does not mention either.
func missing(members []member, body []byte) error {
	for _, m := range members {
		if m.absent && (body == nil || !mentions(body, m.name)) {
			return &cloud.Error{Kind: cloud.MissingParameter, Detail: m.name}
		}
	}
	return nil
}

// mentions says whether a body has a member of that name that is not null: a
// member of a wrong type is there, though it was not decoded.
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
