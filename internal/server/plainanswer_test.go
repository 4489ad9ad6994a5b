package server

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/opentcb/opentcb/tcb"
)

// TestPlainAnswers holds the answers that are written by hand against
// encoding/json.
func TestPlainAnswers(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,8}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		status := tcb.Status{ErrCode: tcb.Code(rapid.Int().Draw(t, "errcode")), ErrMsg: text.Draw(t, "errmsg")}
		permission := tcb.UseCloudAccessTokenResponse{Status: status, Open: rapid.Bool().Draw(t, "open")}
		if rapid.Bool().Draw(t, "get") {
			list, version := rapid.SliceOf(text).Draw(t, "list"), rapid.Int64().Draw(t, "version")
			permission.APIWhitelist, permission.Version = &list, &version
		}
		for _, v := range []any{
			permission,
			tcb.GetCodeSecretResponse{Status: status, CodeSecret: text.Draw(t, "codesecret")},
			tcb.DownloadFunctionResponse{Status: status, URL: text.Draw(t, "url"), Checksum: text.Draw(t, "checksum")},
		} {
			got, ok := appendPlain(nil, v)
			if !ok {
				continue
			}
			var want bytes.Buffer
			e := json.NewEncoder(&want)
			e.SetEscapeHTML(false)
			if err := e.Encode(v); err != nil {
				t.Fatal(err)
			}
			if string(got)+"\n" != want.String() {
				t.Errorf("by hand %s, by encoding/json %s", got, want.String())
			}
		}
	})
}
