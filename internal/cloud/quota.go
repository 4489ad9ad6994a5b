package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Quota is how many calls there may be; 0 is any number.
type Quota struct {
	Day    int64 `json:"day,omitempty"` // which begins at 00:00 UTC+8
	Minute int64 `json:"minute,omitempty"`
}

// Quotas are how many calls of a platform there may be: of an interface, by its wire
// name, and of all together.
type Quotas struct {
	Interfaces map[string]Quota `json:"interfaces,omitempty"`
	All        Quota            `json:"all,omitzero"`
}

// Limits bound what a platform may do. The zero value bounds nothing.
type Limits struct {
	Quotas      Quotas
	IPWhitelist []Network // where its calls come from; empty: from anywhere
	// CountedFrom is what calls are counted from, in Unix milliseconds: when the
	// quotas were set or cleared last. It never repeats.
	CountedFrom int64
}

// LimitStore keeps what bounds platforms.
type LimitStore interface {
	// Limits returns what bounds a platform; the zero value if nothing does.
	Limits(ctx context.Context, platform string) (Limits, error)
	// ClearQuota begins to count a platform's calls anew, and returns false if that
	// was done most times in the month already.
	ClearQuota(ctx context.Context, platform string, month, most int64, rec Record) (bool, error)
	QuotaCountStore
}

// MaxQuota is the greatest quota, and maxNetworks how many addresses and networks
// a platform's list has at most.
const (
	MaxQuota    = 1_000_000_000
	maxNetworks = 1000
)

// UnmarshalJSON reads quotas whose members are all known.
func (q *Quotas) UnmarshalJSON(text []byte) error {
	type plain Quotas // without this method
	return strict(text, (*plain)(q))
}

// UnmarshalJSON reads a quota whose members are all known, and from 1 on.
func (q *Quota) UnmarshalJSON(text []byte) error {
	var given struct{ Day, Minute *int64 }
	if err := strict(text, &given); err != nil {
		return err
	}
	for _, n := range []*int64{given.Day, given.Minute} {
		if n != nil && (*n < 1 || *n > MaxQuota) {
			return fmt.Errorf("a quota is from 1 to %d", int64(MaxQuota))
		}
	}
	*q = Quota{}
	if given.Day != nil {
		q.Day = *given.Day
	}
	if given.Minute != nil {
		q.Minute = *given.Minute
	}
	return nil
}

// IsZero reports whether there are no quotas.
func (q Quotas) IsZero() bool { return len(q.Interfaces) == 0 && q.All == Quota{} }

// String writes quotas as JSON.
func (q Quotas) String() string {
	text, _ := json.Marshal(q) // nothing in it fails
	return string(text)
}

func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Network is an address, or a network of them.
type Network netip.Prefix

var errNoNetwork = errors.New("an entry is an address, or a network such as 192.0.2.0/24")

// ParseNetwork reads an address, or a network such as 192.0.2.0/24.
func ParseNetwork(text string) (Network, error) {
	p, err := netip.ParsePrefix(text)
	if addr, addrErr := netip.ParseAddr(text); addrErr == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil || p.Addr().Is4In6():
		return Network{}, errNoNetwork
	case p != p.Masked():
		return Network{}, fmt.Errorf("a network begins where its addresses do: %s", p.Masked())
	}
	return Network(p), nil
}

// String writes a network as ParseNetwork reads it.
func (n Network) String() string {
	p := netip.Prefix(n)
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// MarshalText writes a network for JSON.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads a network from JSON.
func (n *Network) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNetwork(string(text))
	return err
}

// Equal reports whether two limits are the same, whenever counting began.
func (l Limits) Equal(o Limits) bool {
	return maps.Equal(l.Quotas.Interfaces, o.Quotas.Interfaces) && l.Quotas.All == o.Quotas.All &&
		slices.Equal(l.IPWhitelist, o.IPWhitelist)
}

// IsZero reports whether nothing is bounded.
func (l Limits) IsZero() bool { return l.Equal(Limits{}) }

// admits returns a refusal unless a call may come from an address (QU-4).
func (l Limits) admits(from netip.Addr) error {
	within := func(n Network) bool { return netip.Prefix(n).Contains(from) }
	if len(l.IPWhitelist) == 0 || slices.ContainsFunc(l.IPWhitelist, within) {
		return nil
	}
	return Refused(UnregisteredAddress, "requestIP: "+from.String())
}

// limit plans what a platform is bounded by.
func (s *Service) limit(with PlatformChange, ch *AccountChange, now int64) error {
	l := &ch.Limits
	l.Quotas = with.Quotas.take(l.Quotas, Quotas{})
	l.IPWhitelist = with.IPWhitelist.take(l.IPWhitelist, nil)
	isNone := func(n Network) bool { return !netip.Prefix(n).IsValid() } // null in a list
	switch {
	case len(l.IPWhitelist) > maxNetworks:
		return RefusedMember("ip_whitelist", fmt.Sprintf("ip_whitelist has at most %d entries", maxNetworks))
	case slices.ContainsFunc(l.IPWhitelist, isNone):
		return RefusedMember("ip_whitelist", errNoNetwork.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(l.Quotas.Interfaces)) {
		switch {
		case s.counted != nil && !slices.Contains(s.counted, name):
			return RefusedMember("quotas", fmt.Sprintf("quotas: no calls of %.64q are counted: there are %s", name,
				strings.Join(s.counted, ", ")))
		case l.Quotas.Interfaces[name] == Quota{}:
			return RefusedMember("quotas", "quotas: "+name+" needs day or minute")
		}
	}
	if !l.Equal(Limits{Quotas: ch.OldLimits.Quotas, IPWhitelist: l.IPWhitelist}) {
		l.CountedFrom = max(now, l.CountedFrom+1)
	}
	return nil
}

// Admit is check 8 of every interface, and what is counted of a caller whose
// platform is bounded (QU-1): a call with a genuine token counts, whatever became of
// it so far, which is outcome. It returns outcome, or UnregisteredAddress, or that a
// quota is used up.
func (s *Service) Admit(ctx context.Context, c Caller, iface Interface, from netip.Addr, outcome error) error {
	p, err := s.platform(ctx, cached, c.Platform)
	if err == nil && p.Limits != nil && !iface.Free {
		err = s.countCall(ctx, p, iface.Name, c.Now)
	}
	switch {
	case outcome != nil:
		return outcome
	case errors.Is(err, ErrNotFound) || err == nil && p.Limits == nil:
		return nil // removed, or bounded no more, just now
	case p.Limits == nil:
		return storeError("limits", err)
	}
	if elsewhere := p.Limits.admits(from); elsewhere != nil {
		return elsewhere
	}
	return err
}

// QuotaUse is how much of a quota is used; the zero value is of no quota.
type QuotaUse struct{ Limit, Used int64 }

// Left is how many calls there may still be.
func (u QuotaUse) Left() int64 { return u.Limit - u.Used }

// QuotaUse returns how much of its quotas for an interface a caller's platform has
// used (QU-3): of its own and of that for all, the one of which less is left.
func (s *Service) QuotaUse(ctx context.Context, c Caller, iface string) (day, minute QuotaUse, err error) {
	p, err := s.platform(ctx, reread, c.Platform)
	if err != nil {
		return day, minute, notFoundAs(InvalidToken, "", err)
	}
	if p.Limits == nil {
		return day, minute, nil
	}
	m, err := s.meter(ctx, p, c.Now)
	if err != nil {
		return day, minute, err
	}
	day, minute = m.use(iface, c.Now)
	return day, minute, nil
}

const (
	actClearQuota = "clear_quota"
	// ClearsAMonth is how often a platform may clear its quotas in a month.
	ClearsAMonth = 10
)

// ClearQuota begins to count the calls of a caller's platform anew (QU-3).
// InvalidAppID unless appid is who the token is of, ClearsUsedUp after ClearsAMonth
// times.
func (s *Service) ClearQuota(ctx context.Context, c Caller, appid string) error {
	if appid != c.account() {
		return Refused(InvalidAppID, "appid is not the token's")
	}
	at := time.UnixMilli(c.Now).In(quotaZone)
	month := int64(at.Year())*12 + int64(at.Month())
	ok, err := s.store.ClearQuota(ctx, c.Platform, month, ClearsAMonth, c.record(actClearQuota, ""))
	s.platforms.drop(c.Platform)
	switch {
	case err != nil:
		return storeError("clear quota", err)
	case !ok:
		return s.recordRefusal(c, actClearQuota, "", Refused(ClearsUsedUp, ""))
	}
	return nil
}

// ClearQuotaBySecret is ClearQuota of a platform that proves itself by its secret:
// InvalidAppID, InvalidAppSecret, InvalidComponent or UnregisteredAddress.
func (s *Service) ClearQuotaBySecret(ctx context.Context, platform, secret string, from netip.Addr, rid string) error {
	p, err := s.provedPlatform(ctx, platform, secret)
	if err == nil {
		err = p.usable(from)
	}
	if err != nil {
		return err
	}
	c := s.caller(rid)
	c.Platform = p.AppID
	return s.ClearQuota(ctx, c, p.AppID)
}
