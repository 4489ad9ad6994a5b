package push

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// The form of what a platform sets for its event address (PU-1).
var (
	tokenForm  = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	aesKeyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)
)

// Key is what sender and receiver of an event address share. NewKey makes one.
type Key struct {
	token string
	block cipher.Block
	iv    []byte
}

// NewKey returns the key of an event address's token, 3 to 32 letters or digits, and
// EncodingAESKey, 43 letters or digits. The error names what has another form, and
// does not show it.
func NewKey(token, aesKey string) (Key, error) {
	if !tokenForm.MatchString(token) {
		return Key{}, errors.New("token must be 3 to 32 letters or digits")
	}
	if !aesKeyForm.MatchString(aesKey) {
		return Key{}, errors.New("aes_key must be 43 letters or digits")
	}
	// The last character may have bits that no byte takes: they are ignored, as
	// WeChat ignores them.
	secret, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil {
		return Key{}, errors.New("aes_key is not base64")
	}
	block, err := aes.NewCipher(secret)
	return Key{token, block, secret[:aes.BlockSize]}, err
}

// Sign returns the signature of what the parts say under the key's token: the SHA-1
// of all, sorted, in hex (PU-5).
func (k Key) Sign(parts ...string) string {
	all := append([]string{k.token}, parts...)
	slices.Sort(all)
	sum := sha1.Sum([]byte(strings.Join(all, "")))
	return hex.EncodeToString(sum[:])
}

// Signed reports whether that is the signature of the parts.
func (k Key) Signed(signature string, parts ...string) bool {
	return subtle.ConstantTimeCompare([]byte(k.Sign(parts...)), []byte(signature)) == 1
}

// padding is the block that PKCS#7 fills: 32 bytes, not the cipher's 16 (PU-4).
const padding = 32

// noise is how many random characters a plaintext begins with.
const noise = 16

// Seal encrypts a message to the platform (PU-4). random is 16 characters that no
// other message has.
func (k Key) Seal(random, appid string, message []byte) string {
	plain := append([]byte(random), binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	plain = append(append(plain, message...), appid...)
	pad := padding - len(plain)%padding
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(k.block, k.iv).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}

var errNotSealed = errors.New("not encrypted with this key")

// Open decrypts a message and returns whom it is for. What is encrypted must be
// signed, and that looked at first: Open alone tells who asks often enough how the
// decrypted text ends.
func (k Key) Open(sealed string) (message []byte, appid string, err error) {
	plain, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(plain) < padding || len(plain)%aes.BlockSize != 0 {
		return nil, "", errNotSealed
	}
	cipher.NewCBCDecrypter(k.block, k.iv).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > padding || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, "", errNotSealed
	}
	plain = plain[:len(plain)-pad]
	if len(plain) < noise+4 {
		return nil, "", errNotSealed
	}
	size, rest := binary.BigEndian.Uint32(plain[noise:]), plain[noise+4:]
	if uint64(size) > uint64(len(rest)) {
		return nil, "", errNotSealed
	}
	return rest[:size], string(rest[size:]), nil
}
