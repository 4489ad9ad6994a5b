package cloud

import (
	"bytes"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/seal"
)

var someClaim = claim{
	kind: AuthorizerToken, issued: begin, expires: begin + TokenLife.Milliseconds(), epoch: 3,
	platform: "wx00000000000000c1", appid: "wx00000000000000a1",
}

var someLink = linkClaim{
	expires: begin, epoch: 3, ownerEpoch: 5, platform: "wx00000000000000c1", appid: "wx00000000000000a1",
	env: "env-4f2a1b", name: "first", sum: [32]byte{1, 2, 3},
}

// FuzzClaim: no bytes make decoding panic, and what decodes is a claim that
// encodes and decodes to itself.
func FuzzClaim(f *testing.F) {
	f.Add(someClaim.encode())
	f.Add(claim{}.encode())
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Add(append(someClaim.encode(), 0))
	f.Add([]byte{2, 0x80, 0, 0, 0, 0, 0}) // a number in more bytes than it needs
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeClaim(b)
		if err != nil {
			return
		}
		again, err := decodeClaim(c.encode())
		if err != nil || again != c {
			t.Errorf("%x decodes to %+v, which decodes to %+v, %v", b, c, again, err)
		}
		if c.issued < 0 || c.expires < 0 || c.epoch < 0 {
			t.Errorf("%x: a number below 0: %+v", b, c)
		}
	})
}

// FuzzLink is FuzzClaim for links.
func FuzzLink(f *testing.F) {
	f.Add(someLink.encode())
	f.Add(linkClaim{}.encode())
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 80))
	f.Add(append(someLink.encode(), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLink(b)
		if err != nil {
			return
		}
		again, err := decodeLink(l.encode())
		if err != nil || again != l {
			t.Errorf("%x decodes to %+v, which decodes to %+v, %v", b, l, again, err)
		}
		if l.expires < 0 || l.epoch < 0 {
			t.Errorf("%x: a number below 0: %+v", b, l)
		}
	})
}

// What was cut short or goes on is no claim.
func TestClaimIsWhole(t *testing.T) {
	for name, c := range map[string]struct {
		whole  []byte
		decode func([]byte) error
	}{
		"claim": {someClaim.encode(), func(b []byte) error { _, err := decodeClaim(b); return err }},
		"link":  {someLink.encode(), func(b []byte) error { _, err := decodeLink(b); return err }},
	} {
		if err := c.decode(c.whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range c.whole {
			if c.decode(c.whole[:n]) == nil {
				t.Errorf("%s: its first %d bytes decode", name, n)
			}
		}
		if c.decode(append(bytes.Clone(c.whole), 0)) == nil {
			t.Errorf("%s: decodes with a byte behind it", name)
		}
	}
}

// CR-10: the longest names that there can be still make a token of at most 512
// characters, which the server itself recognizes.
func TestTokensOfTheLongestNames(t *testing.T) {
	ring, err := seal.NewRing(seal.NewMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	appid := "wx" + strings.Repeat("f", 16)
	far := int64(1) << 53
	c := claim{kind: AuthorizerToken, issued: far, expires: far, epoch: far, platform: appid, appid: appid}
	l := linkClaim{
		expires: far, epoch: far, ownerEpoch: far, platform: appid, appid: appid,
		env: strings.Repeat("e", 64), name: strings.Repeat("f", 60), sum: [32]byte(bytes.Repeat([]byte{0xff}, 32)),
	}
	for class, b := range map[seal.Class][]byte{seal.AccessToken: c.encode(), seal.Link: l.encode()} {
		token := ring.Sign(class, b)
		if got, err := ring.Verify(class, token); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s token of %d characters: %v", class, len(token), err)
		}
	}
}
