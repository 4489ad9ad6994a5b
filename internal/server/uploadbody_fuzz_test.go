package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// FuzzReadUpload reads uploads as they stream in and compares the outcome
// with that of encoding/json on the whole body.
//
// Proves: UP-4, EN-7
func FuzzReadUpload(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"CodeSecret":"k","EnvId":"e","FunctionName":"f","Handler":"index.main","ZipFile":"UEsDBA==","InstallDependency":"FALSE"}`,
		" {\r\n\t\"zipfile\" : \"UEs\\/\\u002bBA\\r\\n\" , \"installdependency\":true }\n", `{"ZipFile":null}`, `{"ZipFile":1}`,
		`{"ZipFile":"QUE=QUE="}`, `{"ZipFile":"QUE\u003dQUE="}`, `{"ZipFile":"QUE"}`, `{"ZipFile":"QR=="}`, `{"ZipFile":"","ZipFile":""}`,
		`{"Code\u0053ecret":"k","more":{"deep":[1,"ZipFile",{"CodeSecret":"no"}]},"EnvId":"\ud83d\ude00"}`,
		`{"CodeSecret":"a","CodeSecret":"b"}`, `{"Code\u017fecret":"k"}`, `{"EnvId":"e"}x`, `{"EnvId":"e",}`, `{"EnvId":e}`, `{"EnvId":"e"`,
		`{"ZipFile":"QU`, `{"ZipFile":"QU\`, `{"ZipFile":"\u00e9"}`, `{"x":1]}`, `{"x":}}`, `[]`, `{"InstallDependency":"\u0074rue"}`, `{"EnvId":5}`,
	} {
		f.Add([]byte(seed), byte(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, piece byte) {
		var zip bytes.Buffer
		got, err := readUpload(&inPieces{bytes.NewReader(body), int(piece)}, &zip)
		want, wantZip, ok := readWhole(body)
		switch {
		case err == nil && !ok:
			t.Fatalf("accepted %q", body)
		case err != nil && ok && withinLimits(body):
			t.Fatalf("refused %q: %v", body, err)
		case err == nil && (got != want || !bytes.Equal(zip.Bytes(), wantZip)):
			t.Fatalf("%q: read %+v and %q, want %+v and %q", body, got, zip.Bytes(), want, wantZip)
		}
		if e, isOurs := errors.AsType[*cloud.Error](err); err != nil && (!isOurs || e.Kind.Code() == -1000) {
			t.Fatalf("%q: not a fault of the body: %v", body, err)
		}
	})
}

// inPieces gives a body in reads of at most so many bytes, as a slow network
// does.
type inPieces struct {
	r    io.Reader
	most int
}

func (s *inPieces) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.most+1)]) }

// flagMember is InstallDependency as the reference reads it: a boolean, or a
// word or digit for one.
type flagMember bool

// UnmarshalJSON reads one occurrence; null says nothing.
func (f *flagMember) UnmarshalJSON(raw []byte) error {
	word := string(raw)
	if word == "null" {
		return nil
	}
	_ = json.Unmarshal(raw, &word) // a string stands for what it says
	on, err := strconv.ParseBool(strings.ToLower(word))
	*f = flagMember(on)
	return err
}

// zipMember is ZipFile as the reference reads it.
type zipMember struct {
	there bool
	bytes []byte
}

// UnmarshalJSON reads one occurrence; null says nothing.
func (z *zipMember) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return err
	}
	var err error
	z.there = true
	z.bytes, err = base64.StdEncoding.DecodeString(*text)
	return err
}

// readWhole is the reference: the whole body by encoding/json, and the zip by
// encoding/base64. ok reports whether the body is an upload's.
func readWhole(body []byte) (u upload, zip []byte, ok bool) {
	var whole struct {
		CodeSecret, EnvId, FunctionName, Handler string
		ZipFile                                  zipMember
		InstallDependency                        flagMember
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || object == nil || json.Unmarshal(body, &whole) != nil {
		return upload{}, nil, false
	}
	return upload{
		CodeSecret: whole.CodeSecret, EnvID: whole.EnvId, FunctionName: whole.FunctionName, Handler: whole.Handler,
		InstallDependency: bool(whole.InstallDependency), hasZip: whole.ZipFile.there,
	}, whole.ZipFile.bytes, true
}

// withinLimits reports whether none of the limits that the reader documents is
// near: the number and size of members, and ZipFile being there once.
func withinLimits(body []byte) bool {
	if len(body) > maxOtherMember || bytes.Count(body, []byte(":")) > maxMembers {
		return false
	}
	zips, depth, d := 0, 0, json.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return zips <= 1
		}
		switch token := token.(type) {
		case json.Delim:
			depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[token]
		case string:
			if depth == 1 && strings.EqualFold(token, "ZipFile") {
				zips++
			}
		}
	}
}
