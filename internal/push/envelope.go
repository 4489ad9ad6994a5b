package push

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// Envelope is a push as it stands in the request: what its body says, and the
// members of its query that are signed.
type Envelope struct {
	AppID     string // the platform, in the clear
	Encrypt   string // the sealed message
	Timestamp string // Unix seconds
	Nonce     string // 9 or 10 digits
}

// NewEnvelope seals a message to a platform. Its random parts come from a generator,
// which does not fail, so that no other envelope has them.
func NewEnvelope(k Key, random io.Reader, appid string, message []byte, at time.Time) Envelope {
	var bits [noise]byte
	_, _ = io.ReadFull(random, bits[:])
	return Envelope{
		AppID: appid, Encrypt: k.Seal(hex.EncodeToString(bits[:noise/2]), appid, message),
		Timestamp: fmt.Sprint(at.Unix()), Nonce: fmt.Sprint(1e8 + binary.BigEndian.Uint64(bits[noise/2:])%9.9e9),
	}
}

// URL returns an event address with the query of the request.
func (e Envelope) URL(k Key, address string) string {
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	return address + mark + e.Query(k)
}

// Query returns the query of the request, in WeChat's order (PU-2, PU-5).
func (e Envelope) Query(k Key) string {
	return fmt.Sprintf("signature=%s&timestamp=%s&nonce=%s&encrypt_type=aes&msg_signature=%s",
		k.Sign(e.Timestamp, e.Nonce), e.Timestamp, e.Nonce, k.Sign(e.Timestamp, e.Nonce, e.Encrypt))
}

// Body returns the body of the request (PU-3).
func (e Envelope) Body() []byte {
	return fmt.Appendf(nil, "<xml>\n    <AppId><![CDATA[%s]]></AppId>\n    <Encrypt><![CDATA[%s]]></Encrypt>\n</xml>\n",
		e.AppID, e.Encrypt)
}

// Read returns the envelope of a request and its msg_signature, which says nothing
// before Signed says that it is the envelope's.
func Read(query url.Values, body []byte) (e Envelope, signature string, err error) {
	var content struct {
		AppID   string `xml:"AppId"`
		Encrypt string
	}
	if err := xml.Unmarshal(body, &content); err != nil || content.Encrypt == "" {
		return Envelope{}, "", errors.New("the body is no XML with an element Encrypt")
	}
	for _, name := range []string{"timestamp", "nonce", "msg_signature"} {
		if len(query[name]) != 1 {
			return Envelope{}, "", fmt.Errorf("the query must have %s once", name)
		}
	}
	return Envelope{content.AppID, content.Encrypt, query.Get("timestamp"), query.Get("nonce")},
		query.Get("msg_signature"), nil
}

// Signed reports whether that is the envelope's msg_signature.
func (e Envelope) Signed(k Key, signature string) bool {
	return k.Signed(signature, e.Timestamp, e.Nonce, e.Encrypt)
}
