package cloud

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/seal"
)

const (
	actDownloadFunction = "downloadfunction"
	actDownload         = "download"
)

// Link is leave to download one function's code.
type Link struct {
	Token    string // what the address carries
	Checksum string // SHA-256 of the zip in hex
}

// DownloadFunction returns a link to code that the caller's platform uploaded
// itself (DF-1, DF-3): EnvironmentNotFound, FunctionNotFound, or NotCodeOwner for
// anybody else's code.
func (s *Service) DownloadFunction(ctx context.Context, c Caller, env, name string) (Link, error) {
	f, err := s.functionOf(ctx, c.account(), env, name)
	if err != nil {
		return Link{}, s.recordOutcome(c, actDownloadFunction, Function{Env: env, Name: name}.target(), err)
	}
	link, err := s.link(c, f)
	if err = s.recordOutcome(c, actDownloadFunction, f.target(), err); err != nil {
		return Link{}, err
	}
	return link, nil
}

func (s *Service) link(c Caller, f *Function) (Link, error) {
	if f.Sum == "" {
		return Link{}, Refused(NotCodeOwner, "the function has no code yet")
	}
	if f.Owner != c.Platform {
		return Link{}, Refused(NotCodeOwner, "the code was not uploaded by this platform")
	}
	sum, err := hex.DecodeString(f.Sum)
	if err != nil {
		return Link{}, internalError("function's checksum", err)
	}
	l := linkClaim{
		expires: c.Now + s.linkLife.Milliseconds(), epoch: c.epoch, ownerEpoch: f.OwnerEpoch,
		platform: c.Platform, appid: c.AppID, env: f.Env, name: f.Name,
	}
	copy(l.sum[:], sum)
	return Link{Token: s.ring.Sign(seal.Link, l.encode()), Checksum: f.Sum}, nil
}

// linkClaim is the content of a link (DF-8): the exact bytes, until when, and on
// whose behalf, so that it dies with the authorization or the ownership (DF-10).
type linkClaim struct {
	expires         int64 // Unix milliseconds
	epoch           int64 // of the authorization
	ownerEpoch      int64 // of the function
	platform, appid string
	env, name       string
	sum             blob.Sum
}

func (l linkClaim) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 256), uint64(l.expires))
	b = binary.AppendUvarint(b, uint64(l.epoch))
	b = binary.AppendUvarint(b, uint64(l.ownerEpoch))
	for _, text := range []string{l.platform, l.appid, l.env, l.name} {
		b = appendText(b, text)
	}
	return append(b, l.sum[:]...)
}

func decodeLink(b []byte) (linkClaim, error) {
	d := decoder{b}
	l := linkClaim{
		expires: d.int(), epoch: d.int(), ownerEpoch: d.int(),
		platform: d.text(), appid: d.text(), env: d.text(), name: d.text(),
	}
	copy(l.sum[:], d.bytes(int64(len(l.sum))))
	return l, d.end()
}

// Code is a function's code, open for reading. Whoever opens it closes it.
type Code struct {
	blob.Blob
	Caller   Caller // who was given the link
	Env      string // the function's environment
	Function string // the function's name
	Checksum string // SHA-256 of the bytes in hex
	// Address is where to fetch the code; "" if the server itself gives it.
	Address string
}

// OpenLink opens the code that a link leads to: LinkInvalid if the link is not
// genuine, has expired, or is dead because the authorization was cancelled, holds
// none of the permission sets any more, or the code's owner has changed since
// (DF-8, DF-10). Code that no longer matches its
// checksum is an Internal error that wraps blob.ErrCorrupt (DF-11). With an error,
// too, it returns whose link it is, as far as that is known, for the log.
func (s *Service) OpenLink(ctx context.Context, token string, sets []int, rid string) (Code, error) {
	raw, err := s.ring.Verify(seal.Link, token)
	if err != nil {
		return Code{}, Refused(LinkInvalid, "the link is not one that this server made")
	}
	l, err := decodeLink(raw)
	if err != nil {
		return Code{}, internalError("link", err)
	}
	c := s.caller(rid)
	c.Platform, c.AppID, c.epoch, c.issued = l.platform, l.appid, l.epoch, l.expires
	code, err := s.openLink(ctx, c, l, sets)
	target := Function{Env: l.env, Name: l.name}.target()
	if refused := s.recordRefusal(c, actDownload, target, err); refused != nil {
		if err == nil {
			code.Close()
		}
		return Code{Caller: c, Env: l.env}, refused
	}
	return code, nil
}

// linked returns the function that a link leads to: LinkInvalid if the link is
// dead.
func (s *Service) linked(ctx context.Context, c Caller, l linkClaim, sets []int) (*Function, error) {
	ctx, end := s.WithCallDeadline(ctx)
	defer end()
	if c.Now >= l.expires {
		return nil, Refused(LinkInvalid, "the link has expired: ask downloadfunction for a new one")
	}
	if err := s.stillAuthorized(ctx, c, sets); err != nil {
		switch KindOf(err) {
		case NotAuthorized:
			err = Refused(LinkInvalid, "the authorization that the link was made under has ended")
		case InvalidComponent:
			err = Refused(LinkInvalid, "the platform is disabled")
		case MissingPermission:
			err = Refused(LinkInvalid, "the merchant has taken back the permission that the link was made under")
		}
		return nil, err
	}
	f, err := s.functionOf(ctx, l.appid, l.env, l.name)
	k := KindOf(err)
	gone := err != nil && (k == FunctionNotFound || k == EnvironmentNotFound)
	if gone || err == nil && (f.Owner != l.platform || f.OwnerEpoch != l.ownerEpoch) {
		return nil, Refused(LinkInvalid, "the code has become another's since")
	}
	return f, err
}

func (s *Service) openLink(ctx context.Context, c Caller, l linkClaim, sets []int) (Code, error) {
	f, err := s.linked(ctx, c, l, sets)
	if err != nil {
		return Code{}, err
	}
	b, err := s.blobs.Open(ctx, l.sum)
	if errors.Is(err, blob.ErrNotFound) && f.Sum != l.sum.String() {
		return Code{}, Refused(LinkInvalid, "the code was replaced since: ask downloadfunction for a new link")
	}
	if err != nil {
		return Code{}, s.codeError("open code "+l.sum.String(), err)
	}
	code := Code{Blob: b, Caller: c, Env: l.env, Function: l.name, Checksum: l.sum.String()}
	if s.presign == nil {
		return code, nil
	}
	// The address is good for as long as the link would have been, in whole seconds.
	left := time.Duration(l.expires-s.renewed(c).Now) * time.Millisecond
	life := max(time.Second, left.Truncate(time.Second))
	if code.Address, err = s.presign(ctx, l.sum, life, l.name+".zip"); err != nil {
		b.Close()
		return Code{}, s.codeError("link to code "+l.sum.String(), err)
	}
	return code, nil
}
