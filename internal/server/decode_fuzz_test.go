package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// decodeDetails is every detail that decoding a permission request can give.
// It is a closed list, so that none repeats a byte of the body (EN-5).
var decodeDetails = map[string]bool{
	"": true, "the body must be a JSON object": true,
	"action": true, "env": true, "open": true, "api_whitelist": true, "version": true,
	"action must be a string": true, "env must be a string": true, "open must be a boolean": true,
	"api_whitelist must be an array of strings": true, "version must be an integer": true,
}

// FuzzDecode decodes bodies as usecloudaccesstoken does, whose request has
// members of every type there is. What encoding/json takes for an object is
// one, nothing else is, and the outcome follows the order of checks.
//
// Proves: EN-7, EN-11
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `{}`, ` {"action":"get","env":"e"} `, `{"action":"set","env":"e","open":true,"api_whitelist":["/*"],"version":6}`,
		`{"ACTION":"set","Env":"e","oPen":false,"Api_Whitelist":[],"version":0}`, `{"action":null,"env":"e"}`,
		`{"action":"set","env":1,"open":"yes"}`, `{"api_whitelist":[1]}`, `{"version":1.5}`, `{"version":1e400}`,
		`{"action":"get","env":"e"}x`, `{"a":1,}`, `[]`, `null`, "\ufeff{}", `{"env":"\ud800"}`, `{"env":"e","env":null}`,
		"{\"action\":\"get\",\"\xff\":1}", `{"action":{"env":"e"},"env":"e"}`,
		`{"action": "set", "env": "e", "open": false, "api_whitelist": ["/a", "/b"], "version": 999999999999999999}`,
		`{"action":"set","env":"e","open":true,"api_whitelist":["/a",],"version":6}`, `{"action":"get","env":"e","version":06}`,
		`{"action":"get","env":"e","version":1e2}`, `{"action":"get","env":"e","version":}`, `{"action":"get","env":"e","open":truex}`,
		`{"action":"get","env":"e","api_whitelist":["/a"],"api_whitelist":[]}`, `{"action":"get","action":"set","env":"e"}`,
		`{"action":"get","env":"e","version":99999999999999999999}`,
		`{"action":"get","env":"e","open":true"version":6}`, `{"action":"get","env":"e","api_whitelist":[,]}`, `{"action":"get","env":"e","version":-6}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := decode(body, permissionMembers)
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(body, &object) == nil && object != nil
		switch kind := cloud.KindOf(err); {
		case err == nil && !isObject:
			t.Fatalf("accepted what is no object: %q", body)
		case err == nil:
			checkDecoded(t, body, req)
		case (kind == cloud.EmptyBody) != (len(body) == 0):
			t.Fatalf("%q: %v", body, err)
		case kind == cloud.MalformedBody && isObject:
			t.Fatalf("refused an object as malformed: %q", body)
		case (kind == cloud.MissingParameter || kind == cloud.InvalidArgs) && !isObject:
			t.Fatalf("looked for members in what is no object: %q", body)
		case kind == cloud.Internal:
			t.Fatalf("%q: %v", body, err)
		}
		if e, ok := errors.AsType[*cloud.Error](err); ok && !decodeDetails[e.Detail] {
			t.Fatalf("%q: the detail %q is not one of ours", body, e.Detail)
		}
	})
}

// checkDecoded compares a request with what encoding/json makes of the body.
func checkDecoded(t *testing.T, body []byte, req *tcb.UseCloudAccessTokenRequest) {
	t.Helper()
	var want tcb.UseCloudAccessTokenRequest
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatalf("accepted %q: %v", body, err)
	}
	got, err := json.Marshal(req)
	must(t, err)
	wanted, err := json.Marshal(want)
	must(t, err)
	if !bytes.Equal(got, wanted) {
		t.Fatalf("%q: decoded %s, want %s", body, got, wanted)
	}
	for _, m := range permissionMembers(&want) {
		if m.absent {
			t.Fatalf("accepted %q without %s", body, m.name)
		}
	}
}
