package cloud

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
)

// UploadSignatureLife is how long an upload's signature is good (UP-5).
const UploadSignatureLife = 5 * time.Minute

const actUploadSignature = "getuploadsignature"

// UploadGrant is leave to upload one exact body: whoever holds the token and
// signs with the secret acts for the platform and Mini Program. It is kept
// nowhere: the token says all, and the secret derives from the token.
type UploadGrant struct {
	Token       string
	SecretID    string
	SecretKey   string
	PayloadHash string // SHA-256 of the body: 64 lower-case hex characters
	IssuedAt    int64  // Unix seconds
}

// UploadSignature gives the caller leave to upload the body of that SHA-256
// (UP-3): InvalidArgs if it is not 64 lower-case hex characters.
func (s *Service) UploadSignature(_ context.Context, c Caller, payloadHash string) (UploadGrant, error) {
	hash, err := hex.DecodeString(payloadHash)
	if err != nil || len(hash) != 32 || hex.EncodeToString(hash) != payloadHash {
		return UploadGrant{}, Refused(InvalidArgs, "hashed_payload must be 64 lower-case hex characters")
	}
	issued := c.Now / 1000
	b := binary.AppendUvarint(nil, uint64(issued))
	b = binary.AppendUvarint(b, uint64(c.epoch))
	b = appendText(b, c.Platform)
	b = appendText(b, c.AppID)
	b = append(b, hash...)
	g := s.uploadGrant(s.ring.Sign(seal.Upload, b), payloadHash, issued)
	return g, s.recordOutcome(c, actUploadSignature, "", nil)
}

func (s *Service) uploadGrant(token, payloadHash string, issued int64) UploadGrant {
	secret := s.ring.Secret(token)
	return UploadGrant{
		Token: token, SecretID: "AKID" + secret[:32], SecretKey: secret[32:],
		PayloadHash: payloadHash, IssuedAt: issued,
	}
}

// OpenUpload returns the grant that an upload's token stands for, and its
// caller: UploadSignatureInvalid if the server never made it. Whether the
// request is signed with the grant's secret is the transport's to verify,
// since the signature covers the transport's headers; it calls
// AuthenticateUpload after that.
func (s *Service) OpenUpload(token, rid string) (UploadGrant, Caller, error) {
	claim, err := s.ring.Verify(seal.Upload, token)
	if err != nil {
		return UploadGrant{}, Caller{}, Refused(UploadSignatureInvalid, "X-TC-Token is false")
	}
	d := decoder{s: string(claim)}
	issued, epoch := d.int(), d.int()
	c := s.caller(rid)
	c.Platform, c.AppID, c.epoch = d.text(), d.text(), epoch
	if d.bad || len(d.s) != 32 {
		return UploadGrant{}, Caller{}, &Error{Kind: Internal, Err: wrap("upload token", errClaim)}
	}
	return s.uploadGrant(token, hex.EncodeToString([]byte(d.s)), issued), c, nil
}

// AuthenticateUpload says whether a grant still holds: not over 5 minutes old
// (UploadSignatureExpired), and the authorization in force with one of the
// sets (NotAuthorized, MissingPermission).
func (s *Service) AuthenticateUpload(ctx context.Context, c Caller, g UploadGrant, sets []int) error {
	ctx, end := s.WithCallDeadline(ctx)
	defer end()
	if age := c.Now/1000 - g.IssuedAt; age > int64(UploadSignatureLife.Seconds()) {
		return Refused(UploadSignatureExpired, "the signature is over 5 minutes old")
	}
	return s.stillAuthorized(ctx, c, sets)
}

// stillAuthorized says whether the authorization that a caller was given
// leave under is still the one in force.
func (s *Service) stillAuthorized(ctx context.Context, c Caller, sets []int) error {
	a, err := s.authorization(ctx, reread, c.Platform, c.AppID)
	switch {
	case err != nil:
		return storeError("authorization", err)
	case !a.InForce || a.Epoch != c.epoch:
		return Refused(NotAuthorized, "")
	case !a.holdsOneOf(sets):
		return Refused(MissingPermission, "needs permission set "+orList(sets))
	}
	return nil
}
