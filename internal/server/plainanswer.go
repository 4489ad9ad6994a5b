package server

import (
	"strconv"

	"github.com/opentcb/opentcb/tcb"
)

// The answers that are given most are written here in a tenth of the time of
// encoding/json, as long as their texts need no escapes. TestPlainAnswers holds
// the two against each other.

// appendPlain writes an answer; false leaves it to encoding/json.
func appendPlain(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case tcb.GetCodeSecretResponse:
		b = appendStatus(b, v.Status)
		b = appendText(b, "codesecret", v.CodeSecret)
		return append(b, '}'), plain(v.ErrMsg, v.CodeSecret)
	case tcb.DownloadFunctionResponse:
		b = appendStatus(b, v.Status)
		b = appendText(b, "url", v.URL)
		b = appendText(b, "checksum", v.Checksum)
		return append(b, '}'), plain(v.ErrMsg, v.URL, v.Checksum)
	case tcb.UseCloudAccessTokenResponse:
		return appendPermission(b, v)
	}
	return b, false
}

func appendPermission(b []byte, v tcb.UseCloudAccessTokenResponse) ([]byte, bool) {
	b = appendStatus(b, v.Status)
	b = append(b, `,"open":`...)
	b = strconv.AppendBool(b, v.Open)
	ok := plain(v.ErrMsg)
	if v.APIWhitelist != nil {
		b = append(b, `,"api_whitelist":[`...)
		for i, entry := range *v.APIWhitelist {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), entry...), '"')
		}
		b = append(b, ']')
		ok = ok && *v.APIWhitelist != nil && plain(*v.APIWhitelist...)
	}
	if v.Version != nil {
		b = append(b, `,"version":`...)
		b = strconv.AppendInt(b, *v.Version, 10)
	}
	return append(b, '}'), ok
}

func appendStatus(b []byte, s tcb.Status) []byte {
	b = append(b, `{"errcode":`...)
	b = strconv.AppendInt(b, int64(s.ErrCode), 10)
	return appendText(b, "errmsg", s.ErrMsg)
}

func appendText(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":"`...)
	b = append(b, value...)
	return append(b, '"')
}

// plain says whether texts need no escape.
func plain(texts ...string) bool {
	for _, s := range texts {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
				return false
			}
		}
	}
	return true
}
