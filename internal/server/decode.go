package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// member is a member of a body that must be there.
type member struct {
	name   string
	absent bool
}

// membersOf returns the names of the members of a request's body, in the order of the
// fields.
func membersOf[Req any]() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Req]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// everyMember returns what looks for all members of a request, each of which is a
// pointer.
func everyMember[Req any]() func(*Req) []member {
	names := membersOf[Req]()
	return func(req *Req) []member {
		members, fields := make([]member, len(names)), reflect.ValueOf(req).Elem()
		for i, name := range names {
			members[i] = member{name, fields.Field(i).IsNil()}
		}
		return members
	}
}

// textOf returns the text that is the field of that number of a request; "" for -1.
func textOf(req any, field int) string {
	if field < 0 {
		return ""
	}
	return reflect.ValueOf(req).Elem().Field(field).Elem().String()
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
	var mentioned map[string]json.RawMessage // read once, whatever is missing
	if json.Unmarshal(body, &mentioned) != nil {
		return nil, cloud.Refused(cloud.MalformedBody, "")
	}
	if err := missing(required(req), mentioned); err != nil {
		return nil, err
	}
	return nil, cloud.Refused(cloud.InvalidArgs, typeDetail(wrongType))
}

// missing returns the refusal of the first member that is absent, and that is
// not mentioned either.
func missing(members []member, mentioned map[string]json.RawMessage) error {
	for _, m := range members {
		if m.absent && !mentions(mentioned, m.name) {
			return cloud.Refused(cloud.MissingParameter, m.name)
		}
	}
	return nil
}

// mentions reports whether there is a member of that name that is not null: one
// of a wrong type is there, though it was not decoded.
func mentions(mentioned map[string]json.RawMessage, name string) bool {
	for k, v := range mentioned {
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
