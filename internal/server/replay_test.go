package server

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// UP-6: a signed upload that is sent again, since its answer may have been lost,
// is answered like the first and changes nothing; after another upload came
// between, it does not put old code back.
func TestUploadSentTwice(t *testing.T) {
	f := newFixture(t, Config{})
	server := httptest.NewServer(f)
	defer server.Close()
	token := f.token(t)
	checksum := func() string {
		t.Helper()
		var answer tcb.DownloadFunctionResponse
		f.post(t, "/tcb/downloadfunction?access_token="+token, `{"env":"`+env+`","function_name":"`+function+`"}`, &answer)
		return answer.Checksum
	}
	body := f.uploadBody(t, token, zipOf(t, []byte("vulnerable")))
	headers := f.signed(t, token, strings.TrimPrefix(server.URL, "http://"), body)
	send := func() *tcb.CloudError {
		return uploadTo(t, server.URL, headers, bytes.NewReader(body), int64(len(body))).Response.Error
	}
	if err := send(); err != nil {
		t.Fatalf("%+v", err)
	}
	first := checksum()
	if err := send(); err != nil || checksum() != first {
		t.Errorf("sent again: %+v", err)
	}
	f.upload(t, token, server.URL, zipOf(t, []byte("mended")))
	mended := checksum()
	if err := send(); err == nil || err.Code != "AuthFailure.SignatureExpire" || checksum() != mended {
		t.Errorf("sent after another upload: %+v, code %s, want %s", err, checksum(), mended)
	}
	f.upload(t, token, server.URL, zipOf(t, []byte("vulnerable"))) // signed anew it is an upload like others
	if checksum() != first {
		t.Error("code of before cannot be uploaded under a new signature")
	}
}
