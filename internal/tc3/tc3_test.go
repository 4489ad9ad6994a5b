package tc3

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is the worked example of Tencent Cloud's page.
type vector struct {
	SecretID      string            `json:"secret_id"`
	SecretKey     string            `json:"secret_key"`
	Timestamp     int64             `json:"timestamp"`
	Service       string            `json:"service"`
	Method        string            `json:"method"`
	Path          string            `json:"path"`
	Query         string            `json:"query"`
	Headers       map[string]string `json:"headers"`
	SignedHeaders string            `json:"signed_headers"`
	Payload       string            `json:"payload"`
	HashedPayload string            `json:"hashed_payload"`
	Signature     string            `json:"signature"`
}

func readVector(t *testing.T) vector {
	t.Helper()
	text, err := os.ReadFile("testdata/tc3.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v vector) request() Request {
	return Request{
		Method: v.Method, Path: v.Path, Query: v.Query, Headers: v.Headers,
		SignedHeaders: strings.Split(v.SignedHeaders, ";"),
		HashedPayload: v.HashedPayload, Timestamp: v.Timestamp, Service: v.Service,
	}
}

// The worked example of the signature page.
//
// Proves: UP-9
func TestSignWorkedExample(t *testing.T) {
	v := readVector(t)
	sum := sha256.Sum256([]byte(v.Payload))
	if got := hex.EncodeToString(sum[:]); got != v.HashedPayload {
		t.Fatalf("payload hashes to %s, not %s", got, v.HashedPayload)
	}
	if got := Sign(v.SecretKey, v.request()); got != v.Signature {
		t.Errorf("signature %s, want %s", got, v.Signature)
	}
	if !Verify(v.SecretKey, v.request(), v.Signature) {
		t.Error("its own signature does not verify")
	}
	if got := Date(v.Timestamp); got != "2019-02-25" {
		t.Errorf("date %s", got)
	}
}

// Values count in lower case and without white space around them.
func TestHeaderValuesAreNormalized(t *testing.T) {
	v := readVector(t)
	r := v.request()
	r.Headers = map[string]string{
		"content-type": " \tApplication/JSON; charset=UTF-8 ",
		"host":         "CVM.tencentcloudapi.com",
		"x-unsigned":   "does not count",
	}
	if !Verify(v.SecretKey, r, v.Signature) {
		t.Error("the example with other case and white space does not verify")
	}
}

// UP-4, UP-5: whatever is altered, the signature does not fit.
func TestVerifyRefuses(t *testing.T) {
	v := readVector(t)
	alter := map[string]func(*Request){
		"method":  func(r *Request) { r.Method = "PUT" },
		"path":    func(r *Request) { r.Path = "/x" },
		"query":   func(r *Request) { r.Query = "x=1" },
		"payload": func(r *Request) { r.HashedPayload = strings.Repeat("0", 64) },
		"service": func(r *Request) { r.Service = "scf" },
		"second":  func(r *Request) { r.Timestamp++ },
		"day":     func(r *Request) { r.Timestamp += 86400 },
		"value": func(r *Request) {
			r.Headers = map[string]string{"content-type": "text/plain", "host": v.Headers["host"]}
		},
		"absent":    func(r *Request) { r.Headers = map[string]string{"content-type": v.Headers["content-type"]} },
		"order":     func(r *Request) { r.SignedHeaders = []string{"host", "content-type"} },
		"fewer":     func(r *Request) { r.SignedHeaders = []string{"host"} },
		"no header": func(r *Request) { r.SignedHeaders = nil },
	}
	for name, change := range alter {
		r := v.request()
		change(&r)
		if Verify(v.SecretKey, r, v.Signature) {
			t.Errorf("%s: altered, and verifies", name)
		}
	}
	for _, signature := range []string{
		"", v.Signature[1:], v.Signature + "0", strings.ToUpper(v.Signature), flipLast(v.Signature),
	} {
		if Verify(v.SecretKey, v.request(), signature) {
			t.Errorf("signature %q verifies", signature)
		}
	}
	if Verify(v.SecretKey+"x", v.request(), v.Signature) {
		t.Error("verifies under another key")
	}
}

// A signed header that is absent and one that is empty are not the same.
func TestVerifyNeedsSignedHeaders(t *testing.T) {
	r := Request{SignedHeaders: []string{"host"}, Headers: map[string]string{"host": ""}}
	signature := Sign("key", r)
	if !Verify("key", r, signature) {
		t.Error("an empty header does not verify")
	}
	r.Headers = nil
	if Verify("key", r, signature) {
		t.Error("an absent header verifies")
	}
}

func TestDateIsUTC(t *testing.T) {
	for timestamp, want := range map[int64]string{
		0:          "1970-01-01",
		1551139199: "2019-02-25",
		1551139200: "2019-02-26",
	} {
		if got := Date(timestamp); got != want {
			t.Errorf("Date(%d) = %s, want %s", timestamp, got, want)
		}
	}
}

func flipLast(s string) string {
	last := byte('0')
	if s[len(s)-1] == last {
		last = '1'
	}
	return s[:len(s)-1] + string(last)
}
