package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// faultyBodies are bodies with a fault, its code where the interface's document
// lists it, and the detail that says what is wrong.
var faultyBodies = []struct {
	body   string
	code   tcb.Code
	detail string
}{
	{"", tcb.EmptyBody, ""},
	{"{", tcb.MalformedBody, ""},
	{"[]", tcb.MalformedBody, "the body must be a JSON object"},
	{strings.Repeat(" ", 1<<20+1), tcb.MalformedBody, "the body is over 1 MiB"},
	{`{"env":1,"function_name":"login"}`, tcb.InvalidArgs, "env must be a string"},
	{`{"function_name":"login"}`, tcb.MissingParameter, "env"},
}

// TestListed sends each fault to an interface whose document lists it, and to
// one whose document does not: there it is 40101, and the detail says what it
// is.
//
// Proves: EN-12
func TestListed(t *testing.T) {
	s := newFixture(t, Config{})
	token := s.token(t)
	for _, c := range faultyBodies {
		var listed, unlisted tcb.Status
		s.post(t, "/tcb/createfunction?access_token="+token, c.body, &listed)
		if listed.ErrCode != c.code {
			t.Errorf("createfunction %.40q: %+v", c.body, listed)
		}
		s.post(t, "/tcb/downloadfunction?access_token="+token, c.body, &unlisted)
		detail := c.detail
		if detail == "" {
			detail = c.code.Text()
		}
		if unlisted.ErrCode != tcb.MissingParameter || !strings.HasPrefix(unlisted.ErrMsg, "missing parameter: "+detail+" rid: ") {
			t.Errorf("downloadfunction %.40q: %+v", c.body, unlisted)
		}
	}
}

// TestListedKinds turns every kind of error into what each interface may
// answer: faults of the body that its document does not list are
// MissingParameter, and nothing else is touched.
//
// Proves: EN-12
func TestListedKinds(t *testing.T) {
	ofBody := []cloud.Kind{cloud.EmptyBody, cloud.MalformedBody, cloud.InvalidArgs}
	for _, e := range []endpoint{getCodeSecret, useCloudAccessToken, downloadFunction, createFunction, apiQueryAuth} {
		for kind := cloud.Internal; kind <= cloud.Conflict; kind++ {
			want := kind
			if slices.Contains(ofBody, kind) && !slices.Contains(e.documented, kind) {
				want = cloud.MissingParameter
			}
			if got := cloud.KindOf(e.asDocumented(&cloud.Error{Kind: kind})); got != want {
				t.Errorf("%s: kind %d became %d, want %d", e.iface.Name, kind, got, want)
			}
		}
	}
	if (&endpoint{}).asDocumented(nil) != nil {
		t.Error("success became a fault")
	}
}
