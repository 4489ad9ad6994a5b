package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/seal"
)

// ConsentAsked is what a platform opens the consent page with (CO-1).
type ConsentAsked struct {
	Platform    string
	PreAuthCode string
	Sets        []int // the platform asks for these alone; empty: for all of its own
}

// ConsentOffer is what a merchant is asked for.
type ConsentOffer struct {
	Platform string   // its appid
	Name     string   // what it is called; "" if nothing
	Sets     []int    // what it asks for
	Hosts    []string // where the page may lead; none: to this machine alone
}

// ConsentStore keeps what merchants consent with.
type ConsentStore interface {
	// ConsentHosts returns where a platform's consent page may lead; none if nothing
	// is said.
	ConsentHosts(ctx context.Context, platform string) ([]string, error)
	// AddConsentCode adds a code: ErrNotFound if there is no such Mini Program.
	AddConsentCode(ctx context.Context, c ConsentCode, rec Record) error
	ConsentCode(ctx context.Context, appid, codeMAC string) (ConsentCode, error)
	// ConsentCodes returns those of a Mini Program, by when they were made.
	ConsentCodes(ctx context.Context, appid string) ([]ConsentCode, error)
	// RemoveConsentCodes removes the code of that id, "" for all, and returns false
	// if there is none.
	RemoveConsentCodes(ctx context.Context, appid, id string, rec Record) (bool, error)
	// PreAuthUsed reports whether a consent has used a pre-auth code up.
	PreAuthUsed(ctx context.Context, platform, codeMAC string) (bool, error)
}

// preAuthCode makes a pre-auth code, which carries its platform and its time, so that
// nothing is stored of those that nobody uses.
func (s *Service) preAuthCode(c Caller, platform string) string {
	claim := appendText(binary.AppendUvarint(nil, uint64(c.Now)), platform)
	return preAuthCodePrefix + s.ring.Sign(seal.PreAuth, append(claim, s.randomBytes(12)...))
}

// checkPreAuth returns nil if a pre-auth code is the platform's and can be used:
// PreAuthInvalid, PreAuthExpired or PreAuthUsed otherwise (CO-4).
func (s *Service) checkPreAuth(ctx context.Context, c Caller, platform, code string) (mac string, err error) {
	token, ok := strings.CutPrefix(code, preAuthCodePrefix)
	claim, err := s.ring.Verify(seal.PreAuth, token)
	if !ok || err != nil {
		return "", Refused(PreAuthInvalid, "")
	}
	d := decoder{claim}
	made, of := d.int(), d.text()
	switch {
	case len(d.rest) != 12 || of != platform:
		return "", Refused(PreAuthInvalid, "")
	case c.Now >= made+PreAuthCodeLife.Milliseconds():
		return "", Refused(PreAuthExpired, "")
	}
	mac = s.ring.MAC(preAuthPurpose, []string{platform}, code)
	used, err := s.store.PreAuthUsed(ctx, platform, mac)
	switch {
	case err != nil:
		return "", storeError("pre-auth code", err)
	case used:
		return "", Refused(PreAuthUsed, "")
	}
	return mac, nil
}

// OfferConsent returns what a merchant is asked for, and nothing of any Mini Program:
// PreAuthInvalid, PreAuthExpired or PreAuthUsed, InvalidAppID or InvalidComponent for
// the platform, InvalidArgs if it asks for nothing.
func (s *Service) OfferConsent(ctx context.Context, c Caller, asked ConsentAsked) (ConsentOffer, error) {
	p, err := s.platform(ctx, reread, asked.Platform)
	switch {
	case err != nil:
		return ConsentOffer{}, notFoundAs(InvalidAppID, "", err)
	case p.Disabled:
		return ConsentOffer{}, Refused(InvalidComponent, "")
	}
	if _, err := s.checkPreAuth(ctx, c, asked.Platform, asked.PreAuthCode); err != nil {
		return ConsentOffer{}, err
	}
	account, err := s.account(ctx, asked.Platform)
	if err != nil {
		return ConsentOffer{}, notFoundAs(InvalidAppID, "", err)
	}
	o := ConsentOffer{Platform: asked.Platform, Name: account.Name}
	if o.Sets, err = s.store.PlatformSets(ctx, asked.Platform); err == nil {
		o.Hosts, err = s.store.ConsentHosts(ctx, asked.Platform)
	}
	if err != nil {
		return ConsentOffer{}, storeError("consent", err)
	}
	if len(asked.Sets) > 0 {
		o.Sets = slices.DeleteFunc(slices.Clone(o.Sets), func(id int) bool { return !slices.Contains(asked.Sets, id) })
	}
	if len(o.Sets) == 0 {
		return ConsentOffer{}, Refused(InvalidArgs, "")
	}
	return o, nil
}

// GiveConsent is the consent of whoever has a consent code of the Mini Program (CO-3);
// of a caller who is the operator none is asked for. The pre-auth code is used up. The
// errors are those of OfferConsent and Authorize, and ConsentCodeInvalid, also for a
// Mini Program that is not there.
func (s *Service) GiveConsent(
	ctx context.Context, c Caller, asked ConsentAsked, appid, code string, sets []int,
) (Token, error) {
	offer, err := s.OfferConsent(ctx, c, asked)
	if err != nil {
		return Token{}, err
	}
	for _, id := range sets {
		if !slices.Contains(offer.Sets, id) {
			return Token{}, Refused(InvalidArgs, "")
		}
	}
	if !c.Operator {
		if c.By, err = s.checkConsentCode(ctx, c, appid, code); err != nil {
			return Token{}, err
		}
	}
	mac, err := s.checkPreAuth(ctx, c, asked.Platform, asked.PreAuthCode)
	if err != nil {
		return Token{}, err
	}
	t, err := s.consent(ctx, c, Consent{
		Platform: asked.Platform, AppID: appid, Sets: sets, PreAuthCode: asked.PreAuthCode, PreAuthMAC: mac,
	})
	if errors.Is(err, ErrRepeated) {
		return Token{}, Refused(PreAuthUsed, "")
	}
	return t, err
}

// ConsentCode is what a merchant consents with, of which only the MAC is stored.
type ConsentCode struct {
	AppID, MAC, ID       string
	CreatedAt, ExpiresAt int64 // Unix milliseconds; ExpiresAt is 0 for one that does not expire
}

// codeAlphabet has no letters that look like others. A code of 16 has 80 bits.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newConsentCode makes a code that a person can type.
func (s *Service) newConsentCode() string {
	var b strings.Builder
	for i, n := range s.randomBytes(16) {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(codeAlphabet[n%32])
	}
	return b.String()
}

// typedCode is a code as it was made, from what a person typed.
func typedCode(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return -1
		case r == 'O':
			return '0'
		case r == 'I' || r == 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(text)))
	if len(text) != 16 {
		return ""
	}
	return text
}

func (s *Service) consentCodeMAC(appid, code string) string {
	return s.ring.MAC(consentCodePurpose, []string{appid}, typedCode(code))
}

// checkConsentCode returns how the record names who has a code of the Mini Program.
func (s *Service) checkConsentCode(ctx context.Context, c Caller, appid, code string) (by string, err error) {
	row, err := s.store.ConsentCode(ctx, appid, s.consentCodeMAC(appid, code))
	if err == nil && row.ExpiresAt != 0 && c.Now >= row.ExpiresAt || typedCode(code) == "" {
		err = ErrNotFound
	}
	if err != nil {
		return "", notFoundAs(ConsentCodeInvalid, "", err)
	}
	return "consent-code:" + row.ID, nil
}

const actConsentCode = "consent-code"

// maxConsentLife is how long a consent code with an expiry is good at most.
const maxConsentLife = 10 * 365 * 24 * 60 * 60

// MakeConsentCode makes a code that lives so many seconds, 0 for ever: NotFound, or
// InvalidArgs that names the member.
func (s *Service) MakeConsentCode(
	ctx context.Context, c Caller, appid string, seconds int64,
) (string, ConsentCode, error) {
	if seconds < 0 || seconds > maxConsentLife {
		return "", ConsentCode{}, RefusedMember("expires_in", "expires_in is in seconds, up to 10 years; 0 for ever")
	}
	if _, err := s.MiniProgram(ctx, appid); err != nil {
		return "", ConsentCode{}, err
	}
	code := s.newConsentCode()
	row := ConsentCode{
		AppID: appid, MAC: s.consentCodeMAC(appid, code), CreatedAt: c.Now,
		ID: strconv.FormatInt(c.Now/1000, 36) + fmt.Sprintf("%x", s.randomBytes(2)),
	}
	if seconds > 0 {
		row.ExpiresAt = c.Now + seconds*1000
	}
	c.AppID = appid
	rec := c.record(actConsentCode, row.ID)
	rec.Detail = "made"
	if err := s.store.AddConsentCode(ctx, row, rec); err != nil {
		return "", ConsentCode{}, notFoundAs(NotFound, "no Mini Program "+appid, err)
	}
	return code, row, nil
}

// ConsentCodes lists the codes of a Mini Program: NotFound if there is none.
func (s *Service) ConsentCodes(ctx context.Context, appid string) ([]ConsentCode, error) {
	if _, err := s.MiniProgram(ctx, appid); err != nil {
		return nil, err
	}
	list, err := s.store.ConsentCodes(ctx, appid)
	return list, storeError("list consent codes", err)
}

// RevokeConsentCodes revokes the code of that id, "" for all: NotFound if there is
// none.
func (s *Service) RevokeConsentCodes(ctx context.Context, c Caller, appid, id string) error {
	c.AppID = appid
	rec := c.record(actConsentCode, id)
	rec.Detail = "revoked"
	ok, err := s.store.RemoveConsentCodes(ctx, appid, id, rec)
	switch {
	case err != nil:
		return storeError("revoke consent codes", err)
	case !ok:
		return Refused(NotFound, strings.TrimSpace(appid+" has no consent code "+id))
	}
	return nil
}

// maxHosts bounds the hosts of one platform.
const maxHosts = 100

var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)

// checkHosts brings hosts to lower case, and returns an error for what is no host.
func checkHosts(hosts []string) ([]string, error) {
	if len(hosts) > maxHosts {
		return nil, RefusedMember("consent_hosts", fmt.Sprintf("consent_hosts has at most %d entries", maxHosts))
	}
	all := make([]string, 0, len(hosts))
	for _, host := range hosts {
		host = strings.ToLower(host)
		if len(host) > 260 || !hostForm.MatchString(host) {
			return nil, RefusedMember("consent_hosts",
				"consent_hosts has hosts such as app.example.com or app.example.com:8443, in ASCII")
		}
		if !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all, nil
}
