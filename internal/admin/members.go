package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// readMembers reads a request's body, a JSON object, into the fields of v, which
// is a pointer to a struct, by their names in JSON. What is wrong
// with a member is said with its name; nothing is passed over. No body at all has
// no members. The body has at most that many bytes.
func readMembers(w http.ResponseWriter, r *http.Request, most int64, v any) error {
	body, err := limitBody(w, r, most)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return bodyError(err, "the body did not arrive whole")
	}
	return decodeMembers(text, "", v)
}

// decodeMembers is readMembers of a text, which is the member within, if that is not
// "", and ends with a dot.
func decodeMembers(text []byte, within string, v any) error {
	if len(text) == 0 {
		return nil
	}
	members, err := splitMembers(text)
	if err != nil && within != "" {
		name := strings.TrimSuffix(within, ".")
		return cloud.RefusedMember(name, name+" must be an object whose members are there once")
	}
	if err != nil {
		return err
	}
	fields := fieldsOf(v)
	for _, m := range members {
		field, ok := fields[m.name]
		if !ok {
			return unknown("member", within+m.name, prefixed(within, slices.Sorted(maps.Keys(fields))))
		}
		name := within + m.name
		err := json.Unmarshal(m.value, field)
		wrong, isType := errors.AsType[*json.UnmarshalTypeError](err)
		_, isTime := field.(*time.Time)
		_, maybeTime := field.(**time.Time)
		switch {
		case err == nil:
		case isTime || maybeTime:
			return cloud.RefusedMember(name, name+" must be a time, such as 2026-01-31T15:04:05Z")
		case isType && wrong.Field != "":
			return cloud.RefusedMember(name, fmt.Sprintf("%s: %s must be %s", name, strings.ToLower(wrong.Field), nounOf(wrong.Type)))
		case isType:
			return cloud.RefusedMember(name, fmt.Sprintf("%s must be %s", name, nounOf(wrong.Type)))
		default:
			return cloud.RefusedMember(name, fmt.Sprintf("%s cannot be read: %v", name, err))
		}
	}
	return nil
}

// prefixed returns names with what stands before each.
func prefixed(within string, names []string) []string {
	for i := range names {
		names[i] = within + names[i]
	}
	return names
}

// readChange reads the body of a change of a resource, and a query that is empty.
func readChange(w http.ResponseWriter, r *http.Request, v any) error {
	if err := (parameters{}).read(r); err != nil {
		return err
	}
	return readMembers(w, r, maxJSON, v)
}

// member is a member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// nounOf says what a value of a type is in JSON.
func nounOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int:
		return "a number, or numbers"
	case reflect.Float64, reflect.Uint64, reflect.Int64:
		return "a number"
	}
	return "a text"
}

// splitMembers reads the members of a JSON object, each of which is there once.
func splitMembers(text []byte) (all []member, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	refuse := func(err error) error { return bodyError(err, "the body must be a JSON object") }
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, refuse(cmp.Or(err, errors.New("it is something else")))
	}
	for d.More() {
		name, err := d.Token()
		m := member{}
		if err == nil {
			m.name, _ = name.(string)
			err = d.Decode(&m.value)
		}
		if err != nil {
			return nil, refuse(err)
		}
		if slices.ContainsFunc(all, func(o member) bool { return o.name == m.name }) {
			return nil, cloud.RefusedMember(m.name, m.name+" is there twice")
		}
		all = append(all, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, refuse(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(errors.New("something follows it"))
	}
	return all, nil
}

// fieldsOf returns pointers to the fields of a struct by their names in JSON.
func fieldsOf(v any) map[string]any {
	fields := map[string]any{}
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = s.Field(i).Addr().Interface()
	}
	return fields
}

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
