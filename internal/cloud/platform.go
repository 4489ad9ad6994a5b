package cloud

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
)

// Platform is a third-party platform. SecretMAC recognizes its
// secret; FixedTicket is the sealed ticket of the world file, "" if it has none.
// Component tokens issued before VoidBefore (Unix milliseconds) are void.
type Platform struct {
	AppID       string
	SecretMAC   string
	FixedTicket string
	Issued      Issues
	VoidBefore  int64
	Disabled    bool
	Limits      *Limits // nil: nothing is bounded
}

// usable returns nil if the platform may call from an address: otherwise
// InvalidComponent or UnregisteredAddress.
func (p Platform) usable(from netip.Addr) error {
	switch {
	case p.Disabled:
		return Refused(InvalidComponent, "")
	case p.Limits != nil:
		return p.Limits.admits(from)
	}
	return nil
}

// PlatformStore keeps platforms.
type PlatformStore interface {
	Platform(ctx context.Context, appid string) (Platform, error)
	// IssueComponentToken replaces the platform's issue times if they are still
	// the old ones, and returns false if they are not.
	IssueComponentToken(ctx context.Context, platform string, old, next Issues, rec Record) (bool, error)
}

func (s *Service) platform(ctx context.Context, want freshness, appid string) (Platform, error) {
	return s.platforms.get(appid, want, func() (Platform, error) { return s.store.Platform(ctx, appid) })
}

// A verify ticket is renewed every 10 minutes and good for 12 hours (CR-2).
const (
	ticketRenewal = 10 * time.Minute
	ticketLife    = 12 * time.Hour
	ticketPrefix  = "ticket@@@"
)

// issueTries is how often issuing a token is tried when other calls change the
// same row at the same moment. Each time one of them succeeds.
const issueTries = 1000

const actComponentToken = "api_component_token"

// Token is an issued credential and how long it is good.
type Token struct {
	Value string
	Life  time.Duration
}

// ComponentTokenRequest is what a platform proves itself with (CR-1).
type ComponentTokenRequest struct {
	AppID, Secret, Ticket string
	From                  netip.Addr // where the call comes from
}

// IssueComponentToken returns a new call credential for the platform itself
// (CR-1): InvalidAppID, InvalidAppSecret, TicketInvalid or TicketExpired if the
// request does not prove the platform, InvalidComponent if it is disabled (OP-6),
// UnregisteredAddress if its calls do not come from there (QU-4).
func (s *Service) IssueComponentToken(
	ctx context.Context, req ComponentTokenRequest, rid string,
) (Token, error) {
	p, err := s.provedPlatform(ctx, req.AppID, req.Secret)
	if err != nil {
		return Token{}, err
	}
	c := s.caller(rid)
	if err := s.checkTicket(c, p, req.Ticket); err != nil {
		return Token{}, err
	}
	if err := p.usable(req.From); err != nil { // told only to who has proved to be the platform
		return Token{}, err
	}
	c.Platform = p.AppID
	return s.issueComponentToken(ctx, c)
}

// provedPlatform returns the platform that a secret proves: InvalidAppID or
// InvalidAppSecret.
func (s *Service) provedPlatform(ctx context.Context, appid, secret string) (Platform, error) {
	p, err := s.platform(ctx, reread, appid)
	switch {
	case err != nil:
		return Platform{}, notFoundAs(InvalidAppID, "", err)
	case !s.ring.CheckMAC(appSecretPurpose, []string{p.AppID}, secret, p.SecretMAC):
		return Platform{}, Refused(InvalidAppSecret, "")
	}
	return p, nil
}

func (s *Service) issueComponentToken(ctx context.Context, c Caller) (Token, error) {
	for range issueTries {
		p, err := s.platform(ctx, reread, c.Platform)
		if err != nil {
			return Token{}, notFoundAs(InvalidAppID, "", err)
		}
		issued, next := s.nextIssue(c, p.Issued, p.VoidBefore)
		ok, err := s.store.IssueComponentToken(ctx, c.Platform, p.Issued, next, c.record(actComponentToken, ""))
		s.platforms.drop(c.Platform)
		switch {
		case err != nil:
			return Token{}, storeError("issue component token", err)
		case ok:
			return s.sign(claim{kind: ComponentToken, issued: issued, platform: c.Platform}, c.Now), nil
		}
		// Another call issued one between the read and the write: retry.
	}
	return Token{}, storeError("issue component token", ErrStale)
}

// nextIssue returns the issue time of a caller's new token, which is not before from,
// and the times to store with it. Of issue times that a wrong clock has made the
// operator is told, once a minute.
func (s *Service) nextIssue(c Caller, is Issues, from int64) (int64, Issues) {
	if ahead, minute := is.ahead(c.Now), c.Now/60_000; ahead > 0 && s.toldAhead.Swap(minute) != minute {
		s.log.Warn("tokens were issued at a time that is ahead of the clock: it was wrong then, or is wrong now",
			"platform", c.Platform, "appid", c.AppID, "ahead", ahead)
	}
	return is.next(c.Now, from)
}

// sign returns the access token of a claim that begins now, and sets its time of
// expiry: the issue time may be another (see Issues).
func (s *Service) sign(c claim, now int64) Token {
	life := TokenLife
	if c.kind == CloudbaseToken {
		life = CloudbaseLife
	}
	c.expires = now + life.Milliseconds()
	return Token{Value: s.ring.Sign(seal.AccessToken, c.encode()), Life: life}
}

// Ticket returns a platform's current verify ticket: NotFound if there is no
// such platform.
func (s *Service) Ticket(ctx context.Context, c Caller, platform string) (string, error) {
	p, err := s.platform(ctx, reread, platform)
	if err != nil {
		return "", notFoundAs(NotFound, "no platform "+platform, err)
	}
	ticket, err := s.ticket(p, c.Now/ticketRenewal.Milliseconds())
	if err != nil {
		return "", err
	}
	c.Platform = platform
	return ticket, s.recordOutcome(c, "ticket", "", nil)
}

// ticket returns the platform's fixed ticket, or the one of a 10-minute slot. The
// latter derives from the master key: it needs no row, and all servers of an
// installation make the same.
func (s *Service) ticket(p Platform, slot int64) (string, error) {
	if p.FixedTicket != "" {
		t, err := s.ring.Open(fixedTicketPurpose, []string{p.AppID}, p.FixedTicket)
		if err != nil {
			return "", storeError("fixed ticket", err)
		}
		return t, nil
	}
	claim := appendText(binary.AppendUvarint(nil, uint64(slot)), p.AppID)
	return ticketPrefix + s.ring.Sign(seal.Ticket, claim), nil
}

// checkTicket returns nil if a ticket is one of the platform's and still good.
func (s *Service) checkTicket(c Caller, p Platform, ticket string) error {
	if p.FixedTicket != "" {
		want, err := s.ticket(p, 0)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(ticket)) != 1 {
			return Refused(TicketInvalid, "")
		}
		return nil
	}
	token, ok := strings.CutPrefix(ticket, ticketPrefix)
	claim, err := s.ring.Verify(seal.Ticket, token)
	if !ok || err != nil {
		return Refused(TicketInvalid, "")
	}
	d := decoder{claim}
	slot, appid := d.int(), d.text()
	if d.end() != nil || appid != p.AppID {
		return Refused(TicketInvalid, "")
	}
	if c.Now >= slot*ticketRenewal.Milliseconds()+ticketLife.Milliseconds() {
		return Refused(TicketExpired, "")
	}
	return nil
}
