package tcb_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// roundTrip answers requests in place of a network.
type roundTrip func(*http.Request) string

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	body := io.NopCloser(strings.NewReader(f(r)))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
}

// TestUploadGoesToWhoSigned: key and code go to the host that the signature
// names, however the base URL is written, unless it is the base URL's own.
// Proves: UP-4.
func TestUploadGoesToWhoSigned(t *testing.T) {
	for _, c := range []struct{ base, upload, named, want string }{
		{"", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://api.weixin.qq.com", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://api.weixin.qq.com/", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://API.weixin.qq.com", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://api.weixin.qq.com:443", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://api2.weixin.qq.com", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"http://egress.internal:3128", "", "scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/"},
		{"https://tcb.example.com", "", "TCB.example.com:443", "https://tcb.example.com/"},
		{"http://tcb.example.com:8080", "", "tcb.example.com:8080", "http://tcb.example.com:8080/"},
		{"http://127.0.0.1:8080", "", "localhost:8081", "http://localhost:8081/"},
		{"https://tcb.example.com", "https://up.example.com/", "backend:8080", "https://up.example.com/"},
		{"https://tcb.example.com", "", "user@elsewhere", ""},
		{"https://tcb.example.com", "", "elsewhere/path", ""},
		{"https://tcb.example.com", "", "", ""},
	} {
		sent := ""
		client := &tcb.Client{BaseURL: c.base, UploadURL: c.upload, Tokens: tcb.StaticToken("t")}
		client.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) string {
			if r.URL.Path != "/" {
				return `{"errcode":0,"errmsg":"ok","headers":"Authorization:TC3 x\r\nHost:` + c.named + `"}`
			}
			sent = r.URL.String()
			if r.Host != c.named {
				t.Errorf("Host %q, want %q", r.Host, c.named)
			}
			return `{"Response":{"RequestId":"r"}}`
		})}
		_, err := client.UploadFunction(t.Context(), tcb.CodeUpload{CodeSecret: "k"}, strings.NewReader("zip"))
		if sent != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s, signed for %q: sent to %q, want %q; %v", c.base, c.named, sent, c.want, err)
		}
	}
}
