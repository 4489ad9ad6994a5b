package push

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
)

const (
	someToken  = "AAAAA"
	someAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// vector is an encrypted push that somebody else made. Some lack what the others
// have.
type vector struct {
	ID, Token, Tail, Timestamp, Nonce, Random, Encrypt, Signature string

	AESKey       string `json:"aes_key"`
	MsgSignature string `json:"msg_signature"`
	Message      string
	MessageBytes int `json:"message_bytes"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/callbacks.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(text, &file); err != nil || len(file.Cases) < 4 {
		t.Fatal(err, len(file.Cases))
	}
	return file.Cases
}

func someKey(t testing.TB) Key {
	t.Helper()
	k, err := NewKey(someToken, someAESKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestVectors opens, and seals again byte for byte, what others have sealed.
// Proves: PU-1, PU-4, PU-5
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		token := v.Token
		if token == "" {
			token = someToken // nothing of this vector is signed
		}
		k, err := NewKey(token, v.AESKey)
		if err != nil {
			t.Fatalf("%s: %v", v.ID, err)
		}
		message, appid, err := k.Open(v.Encrypt)
		if err != nil || appid != v.Tail {
			t.Errorf("%s: opened for %q, %v", v.ID, appid, err)
		}
		if v.Message != "" && string(message) != v.Message || v.MessageBytes != 0 && len(message) != v.MessageBytes {
			t.Errorf("%s: the message is %q", v.ID, message)
		}
		if got := k.Seal(v.Random, v.Tail, message); got != v.Encrypt {
			t.Errorf("%s: sealed again it is %s", v.ID, got)
		}
		if v.Signature != "" && k.Sign(v.Timestamp, v.Nonce) != v.Signature {
			t.Errorf("%s: another signature", v.ID)
		}
		e := Envelope{Encrypt: v.Encrypt, Timestamp: v.Timestamp, Nonce: v.Nonce}
		if v.MsgSignature != "" && (!e.Signed(k, v.MsgSignature) || e.Signed(k, "f"+v.MsgSignature[1:])) {
			t.Errorf("%s: another msg_signature", v.ID)
		}
	}
}

// TestKeyForms: what a platform may set, and what is said of the rest.
// Proves: PU-1
func TestKeyForms(t *testing.T) {
	for _, c := range []struct{ token, aesKey, want string }{
		{"abc", someAESKey, ""},
		{strings.Repeat("a", 32), strings.Repeat("9", 43), ""}, // no strict reader takes the last 9
		{"ab", someAESKey, "token"}, {strings.Repeat("a", 33), someAESKey, "token"},
		{"a-b", someAESKey, "token"}, {"", someAESKey, "token"}, {"abc\n", someAESKey, "token"},
		{"abc", someAESKey[1:], "aes_key"}, {"abc", someAESKey + "A", "aes_key"}, {"abc", "", "aes_key"},
		{"abc", someAESKey[:42] + "=", "aes_key"}, {"abc", someAESKey[:42] + "+", "aes_key"},
		{"abc", someAESKey[:42] + "\n", "aes_key"},
	} {
		_, err := NewKey(c.token, c.aesKey)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q, %q: %v", c.token, c.aesKey, err)
		}
		if err != nil && c.aesKey != "" && strings.Contains(err.Error(), c.aesKey) {
			t.Errorf("%q stands in the error", c.aesKey)
		}
	}
}

// TestEnvelope writes a push and reads it again.
// Proves: PU-2, PU-3
func TestEnvelope(t *testing.T) {
	k := someKey(t)
	e := Envelope{AppID: "wx00000000000000c1", Encrypt: k.Seal("0123456789abcdef", "wx00000000000000c1", []byte("hello")),
		Timestamp: "1790000000", Nonce: "123456789"}
	want := "<xml>\n    <AppId><![CDATA[wx00000000000000c1]]></AppId>\n    <Encrypt><![CDATA[" + e.Encrypt + "]]></Encrypt>\n</xml>\n"
	if string(e.Body()) != want {
		t.Errorf("the body is %q", e.Body())
	}
	var names []string
	for part := range strings.SplitSeq(e.Query(k), "&") {
		name, _, _ := strings.Cut(part, "=")
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "signature timestamp nonce encrypt_type msg_signature" {
		t.Errorf("the query has %s", got)
	}
	query, _ := url.ParseQuery(e.Query(k))
	got, signature, err := Read(query, e.Body())
	if err != nil || got != e || !got.Signed(k, signature) || query.Get("signature") != k.Sign(e.Timestamp, e.Nonce) {
		t.Errorf("read again it is %+v, %v", got, err)
	}
	query.Add("nonce", "2")
	if _, _, err := Read(query, e.Body()); err == nil {
		t.Error("a nonce that is there twice is read")
	}
}

// TestBlocks: the padding is that of 32 bytes for every length, and a whole block
// where the text ends with one.
// Proves: PU-4
func TestBlocks(t *testing.T) {
	k := someKey(t)
	for n := range 3 * padding {
		sealed := k.Seal("0123456789abcdef", "wx1", bytes.Repeat([]byte{32}, n))
		if size := len(sealed) / 4 * 3; size < noise+4+n+3+1 {
			t.Errorf("%d bytes: sealed in %d", n, size)
		}
		message, appid, err := k.Open(sealed)
		if err != nil || len(message) != n || appid != "wx1" {
			t.Fatalf("%d bytes: %q for %q, %v", n, message, appid, err)
		}
	}
}

// FuzzOpen: whatever comes, nothing panics, and what opens is sealed to the same
// again by the same key.
func FuzzOpen(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.AESKey, v.Encrypt)
	}
	f.Fuzz(func(t *testing.T, aesKey, sealed string) {
		k, err := NewKey(someToken, aesKey)
		if err != nil {
			return
		}
		message, appid, err := k.Open(sealed)
		if err != nil {
			return
		}
		again, whom, err := k.Open(k.Seal("0123456789abcdef", appid, message))
		if err != nil || whom != appid || !bytes.Equal(again, message) {
			t.Errorf("%q for %q: %q for %q, %v", message, appid, again, whom, err)
		}
	})
}

// FuzzRead: whatever comes, nothing panics.
func FuzzRead(f *testing.F) {
	f.Add("timestamp=1&nonce=2&msg_signature=3", []byte("<xml><Encrypt>x</Encrypt></xml>"))
	f.Add("", []byte("<xml><AppId><![CDATA[wx1]]></AppId><Encrypt><![CDATA[x]]></Encrypt></xml>"))
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		values, _ := url.ParseQuery(query)
		e, _, err := Read(values, body)
		if err == nil && (e.Encrypt == "" || len(e.Encrypt) > len(body)) {
			t.Errorf("%+v", e)
		}
	})
}
