package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// uploadHost is where the fuzzed uploads go.
const uploadHost = "tcb.example:8080"

// FuzzUploadHeaders alters the headers and the body of a signed upload. No
// headers make the server panic, and none but the signed ones, as the method
// writes them, let an upload through: of the host, nothing counts, and of the
// content type, that it is JSON.
//
// Proves: UP-4, UP-5
func FuzzUploadHeaders(f *testing.F) {
	s := newFixture(f, Config{})
	token := s.token(f)
	body := s.uploadBody(f, token, zipOf(f, []byte("exports.main = () => {}")))
	good := s.signed(f, token, uploadHost, body)
	add := func(change func(h http.Header)) {
		h := good.Clone()
		change(h)
		f.Add(h.Get("Authorization"), h.Get("X-TC-Token"), h.Get("Content-Type"), h.Get("Host"),
			h.Get("X-TC-Timestamp"), h.Get("X-TC-Action"), body)
	}
	set := func(name, value string) { add(func(h http.Header) { h.Set(name, value) }) }
	add(func(http.Header) {})
	add(func(h http.Header) { clear(h) })
	set("Host", strings.ToUpper(uploadHost))
	set("Content-Type", " Application/JSON; charset=utf-8 ")
	set("X-TC-Timestamp", "0"+good.Get("X-TC-Timestamp"))
	set("Authorization", strings.ReplaceAll(good.Get("Authorization"), ", ", ","))
	set("Authorization", strings.Replace(good.Get("Authorization"), "content-type;host", "host;content-type", 1))
	set("Authorization", strings.Replace(good.Get("Authorization"), "content-type;host", "host", 1))
	set("Authorization", good.Get("Authorization")+", Signature=0")
	set("X-TC-Token", good.Get("X-TC-Token")+"A")
	if answer := s.send(f, good, uploadHost, body); answer.Error != nil {
		f.Fatalf("the signed upload was refused: %+v", *answer.Error)
	}
	f.Fuzz(func(t *testing.T, auth, grant, contentType, host, timestamp, action string, sent []byte) {
		h := http.Header{
			"Authorization": {auth}, "X-Tc-Token": {grant}, "Content-Type": {contentType},
			"X-Tc-Timestamp": {timestamp}, "X-Tc-Action": {action},
		}
		if e := s.send(t, h, host, sent).Error; e != nil {
			if e.Code == "InternalError" {
				t.Fatalf("%+v", *e)
			}
			return
		}
		isSigned := grant == good.Get("X-TC-Token") &&
			timestamp == good.Get("X-TC-Timestamp") && action == good.Get("X-TC-Action") &&
			strings.HasPrefix(canonical(contentType), "application/json") &&
			strings.Contains(auth, "Signature="+signatureOf(good)) &&
			strings.Contains(auth, "SignedHeaders=content-type;host") && bytes.Equal(sent, body)
		if !isSigned {
			t.Fatalf("accepted %q with %q", sent, h)
		}
	})
}

// send uploads without a network, which would not carry every header.
func (f *fixture) send(t testing.TB, h http.Header, host string, body []byte) tcb.UpdateFunctionCodeResult {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header, r.Host = h, host
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var answer tcb.UpdateFunctionCodeResponse
	err := json.Unmarshal(w.Body.Bytes(), &answer)
	if err != nil || w.Code != http.StatusOK || answer.Response.RequestID == "" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return answer.Response
}

// canonical is a header's value as the signature sees it.
func canonical(value string) string { return strings.ToLower(strings.TrimSpace(value)) }

func signatureOf(h http.Header) string {
	_, signature, _ := strings.Cut(h.Get("Authorization"), "Signature=")
	return signature
}
