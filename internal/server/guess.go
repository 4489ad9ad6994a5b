package server

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/throttle"
)

// guessKinds are the refusals of a secret, which may have been a guess.
var guessKinds = []cloud.Kind{
	cloud.InvalidAppSecret, cloud.TicketInvalid, cloud.AuthCodeInvalid, cloud.RefreshTokenInvalid,
}

// awaitTurn holds up a call that brings a secret if too many of its address were
// false: only there, and only for the same platform and Mini Program. It reports
// whether it waited. The error is LimitReached if too many calls wait.
func (e *endpoint) awaitTurn(ctx context.Context, s *Server, v *visit, req any) (waited bool, err error) {
	if e.proofOf == nil {
		return false, nil
	}
	platform, appid := e.proofOf(req)
	waited, ok := s.guesses.Wait(ctx, guessKey(s.addressOf(v.r), platform, appid))
	if !ok {
		return waited, cloud.Refused(cloud.LimitReached, "too many false secrets from this address: try again")
	}
	return waited, nil
}

// checked counts and records the refusal of a secret, and returns the error to
// answer with.
func (e *endpoint) checked(s *Server, v *visit, req any, err error) error {
	if err == nil || e.proofOf == nil || !slices.Contains(guessKinds, cloud.KindOf(err)) {
		return err
	}
	platform, appid := e.proofOf(req)
	address := s.addressOf(v.r)
	s.guesses.Failed(guessKey(address, platform, appid))
	s.metrics.falseSecrets.Inc()
	return s.cloud.RefuseSecret(v.rid, platform, appid, e.iface.Name, address, err)
}

func guessKey(address, platform, appid string) string { return address + " " + platform + " " + appid }

// addressOf returns what the caller's address counts as.
func (s *Server) addressOf(r *http.Request) string {
	addr, ok := s.clientOf(r)
	if !ok {
		return r.RemoteAddr
	}
	return throttle.Host(addr)
}

// clientOf returns the caller's address: that of the connection, or, if that is a
// proxy which the operator trusts, what X-Forwarded-For says, up to the first that
// is no such proxy, from the right (QU-4).
func (s *Server) clientOf(r *http.Request) (addr netip.Addr, ok bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	if addr = at.Addr(); !s.isTrusted(addr) {
		return addr.Unmap().WithZone(""), true
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for ; s.isTrusted(addr) && len(hops) > 0; hops = hops[:len(hops)-1] {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1]))
		if err != nil {
			break
		}
		addr = next
	}
	return addr.Unmap().WithZone(""), true
}

func (s *Server) isTrusted(addr netip.Addr) bool {
	addr = addr.Unmap()
	return slices.ContainsFunc(s.trustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
