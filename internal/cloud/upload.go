package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
)

// UploadSignatureLife is how long an upload's signature is good (UP-5).
const UploadSignatureLife = 5 * time.Minute

// uploadNonce is how many random bytes tell signatures of one body apart.
const uploadNonce = 8

const actUploadSignature = "getuploadsignature"

// UploadGrant is leave to upload one exact body: whoever holds the token and signs
// with the secret acts for the platform and Mini Program. It is stored nowhere:
// everything is in the token, and the secret derives from the token.
type UploadGrant struct {
	Token       string
	SecretID    string
	SecretKey   string
	PayloadHash string // SHA-256 of the body: 64 lower-case hex characters
	UploadHeaders
	IssuedAt int64 // Unix seconds
}

// UploadHeaders are the headers that an upload's signature covers, as they were
// issued. Proxies and clients change them on the way, so the token carries them.
type UploadHeaders struct{ Host, ContentType string }

// maxUploadHost is how many bytes of a host have room in a token.
const maxUploadHost = 200

// Upload is an upload under way: the grant that its token stands for, who
// uploads, and what the authorization has to hold from beginning to end.
type Upload struct {
	UploadGrant
	Caller Caller
	sets   []int // the permission sets, one of which is needed
	wait   *allowance
}

// UploadSignature returns leave to upload the body with that SHA-256 (UP-3) under
// these headers: InvalidArgs if it is not 64 lower-case hex characters, or the
// host is too long.
func (s *Service) UploadSignature(
	_ context.Context, c Caller, payloadHash string, headers UploadHeaders,
) (UploadGrant, error) {
	if len(headers.Host) > maxUploadHost {
		return UploadGrant{}, Refused(InvalidArgs, "the Host header is too long to be signed")
	}
	hash, err := hex.DecodeString(payloadHash)
	if err != nil || len(hash) != sha256.Size || hex.EncodeToString(hash) != payloadHash {
		err = Refused(InvalidArgs, "hashed_payload must be 64 lower-case hex characters")
		return UploadGrant{}, s.recordOutcome(c, actUploadSignature, "", err)
	}
	issued := c.Now / 1000
	b := binary.AppendUvarint(nil, uint64(issued))
	b = binary.AppendUvarint(b, uint64(c.epoch))
	b = appendText(b, c.Platform)
	b = appendText(b, c.AppID)
	b = append(b, hash...)
	b = append(b, s.randomBytes(uploadNonce)...) // no two signatures are the same upload
	b = appendText(b, headers.Host)
	b = appendText(b, headers.ContentType)
	g := s.uploadGrant(s.ring.Sign(seal.Upload, b), payloadHash, issued)
	g.UploadHeaders = headers
	return g, s.recordOutcome(c, actUploadSignature, "", nil)
}

func (s *Service) uploadGrant(token, payloadHash string, issued int64) UploadGrant {
	secret := s.ring.Secret(token)
	return UploadGrant{
		Token: token, SecretID: "AKID" + secret[:32], SecretKey: secret[32:],
		PayloadHash: payloadHash, IssuedAt: issued,
	}
}

// OpenUpload returns the upload that a token stands for, which needs one of the
// permission sets: UploadSignatureInvalid if the server never made the token.
// The transport verifies that the request is signed with the grant's secret,
// since the signature covers the transport's headers, and calls
// AuthenticateUpload after that.
func (s *Service) OpenUpload(token string, sets []int, rid string) (Upload, error) {
	claim, err := s.ring.Verify(seal.Upload, token)
	if err != nil {
		return Upload{}, Refused(UploadSignatureInvalid, "X-TC-Token is not one that this server issued")
	}
	d := decoder{claim}
	issued, epoch := d.int(), d.int()
	c := s.caller(rid)
	c.Platform, c.AppID, c.epoch = d.text(), d.text(), epoch
	hash := hex.EncodeToString(d.bytes(sha256.Size))
	if len(d.rest) > 0 { // those of servers before have none
		d.bytes(uploadNonce)
	}
	headers := UploadHeaders{Host: d.text(), ContentType: d.text()}
	if err := d.end(); err != nil { // of a server of another version
		return Upload{}, Refused(UploadSignatureInvalid, "X-TC-Token is of another form: ask for a new signature")
	}
	grant := s.uploadGrant(token, hash, issued)
	grant.UploadHeaders = headers
	return Upload{grant, c, sets, s.newAllowance()}, nil
}

// AuthenticateUpload returns nil if an upload may begin: its grant is at most 5
// minutes old (otherwise UploadSignatureExpired), and the authorization is in
// force with one of the sets (NotAuthorized, MissingPermission).
func (s *Service) AuthenticateUpload(ctx context.Context, u Upload) error {
	ctx, end := u.wait.begin(ctx)
	defer end()
	if age := u.Caller.Now/1000 - u.IssuedAt; age > int64(UploadSignatureLife.Seconds()) {
		return Refused(UploadSignatureExpired, "the signature is over 5 minutes old")
	}
	return s.stillAuthorized(ctx, u.Caller, u.sets)
}

// stillAuthorized returns nil if the authorization that a caller was given leave
// under is still the one in force, and holds one of the sets.
func (s *Service) stillAuthorized(ctx context.Context, c Caller, sets []int) error {
	a, err := s.authorization(ctx, reread, c.Platform, c.AppID)
	switch {
	case err != nil: // it was removed
		return notFoundAs(NotAuthorized, "", err)
	case a.Epoch != c.epoch:
		return Refused(NotAuthorized, "")
	case a.usable() != nil:
		return a.usable()
	case !a.holdsOneOf(sets):
		return Refused(MissingPermission, "needs permission set "+orList(sets))
	}
	return nil
}

// allowance is how long one call may still wait for a shared store. An upload
// does other things between its questions to the store: receives a body, checks
// and stores code. Only the questions count, all of them together (EN-13).
type allowance struct {
	left time.Duration
	some bool // false: a store that is not shared bounds its own waits
}

func (s *Service) newAllowance() *allowance { return &allowance{left: callTime, some: s.shared} }

// begin returns a context for the next questions. The caller calls the function
// that comes with it when they are answered.
func (a *allowance) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	if !a.some {
		return ctx, func() {}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.left)
	return ctx, func() {
		a.left -= time.Since(began)
		cancel()
	}
}
