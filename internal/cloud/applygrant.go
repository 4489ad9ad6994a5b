package cloud

import (
	"errors"
	"slices"
)

// authorization plans what a world says of an authorization. That counts when the
// authorization is made. A file is applied at every start, and must not undo what
// the merchant or the operator did since: one that is there changes only with
// Regrant.
func (p *planner) authorization(w WorldAuthorization) error {
	old, err := p.s.store.Authorization(p.ctx, w.Platform, w.AppID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if w.Sets == nil {
		w.Sets = old.Sets // as it is
	}
	if ok, err := p.checkGrant(w); err != nil || !ok {
		return err
	}
	key, item := grantKey{w.Platform, w.AppID}, "authorization "+w.Platform+" "+w.AppID
	ch := PutAuthorization{
		Platform: w.Platform, AppID: w.AppID, Sets: w.Sets, OldEpoch: old.Epoch, WasInForce: old.InForce,
	}
	sameRefresh := w.RefreshToken == "" ||
		p.s.ring.CheckMAC(refreshTokenPurpose, key.row(), w.RefreshToken, old.RefreshMAC)
	if w.RefreshToken != "" {
		ch.Refresh = p.s.sealRefreshToken(key, w.RefreshToken)
	}
	if w.NoRefresh && old.InForce && old.RefreshMAC != "" {
		p.leave(item, "refresh_token: there is one, and only cancelling the authorization takes it away")
	}
	if old.Epoch != 0 && !p.world.Options.Regrant {
		p.leaveAuthorization(item, old, w.Sets, sameRefresh)
		return nil
	}
	if old.Epoch != 0 && !sameRefresh {
		voided, err := p.s.store.RefreshVoided(p.ctx, w.Platform, w.AppID, ch.Refresh.MAC)
		if err != nil {
			return err
		}
		if voided {
			p.leave(item, "refresh_token: it was voided, and never counts again; a new one is from api_query_auth")
			ch.Refresh, sameRefresh = RefreshToken{}, true
		}
	}
	what := authorizationChange(old, w.Sets, sameRefresh)
	if what == "" {
		return nil
	}
	if ch.Refresh.MAC == "" && !old.InForce && !w.NoRefresh {
		_, ch.Refresh = p.s.newRefreshToken(key) // which the platform can ask for (AI-4)
	}
	return p.change(ch, Caller{Platform: w.Platform, AppID: w.AppID}, item, what)
}

// checkGrant reports whether a platform and a Mini Program that will be there can
// make the authorization, and rejects it if not.
func (p *planner) checkGrant(w WorldAuthorization) (bool, error) {
	platform, err := p.account(w.Platform)
	if err != nil {
		return false, err
	}
	mini, err := p.account(w.AppID)
	if err != nil {
		return false, err
	}
	if platform == nil || !platform.IsPlatform {
		return false, p.reject(w.Line, "authorization: there is no platform %s", w.Platform)
	}
	if mini == nil || mini.IsPlatform {
		return false, p.reject(w.Line, "authorization: there is no Mini Program %s", w.AppID)
	}
	if w.Sets == nil {
		return false, p.reject(w.Line, "authorization of %s for %s does not exist yet: it needs permission_sets",
			w.AppID, w.Platform)
	}
	if err := checkSets(w.Sets); err != nil {
		return false, p.reject(w.Line, "authorization: %v", err)
	}
	return true, nil
}

// leaveAuthorization notes what the file says of an authorization that is there,
// and that has become otherwise.
func (p *planner) leaveAuthorization(item string, old Authorization, sets []int, sameRefresh bool) {
	const how = "opentcb authorize, or apply --regrant"
	if !old.InForce {
		p.leave(item, "it was cancelled, and is not given again: that takes "+how)
		return
	}
	if !slices.Equal(old.Sets, sets) {
		p.leave(item, "permission_sets %v: those of %v are granted; to replace them takes %s", sets, old.Sets, how)
	}
	if !sameRefresh {
		p.leave(item, "refresh_token: another is in force")
	}
}

// authorizationChange returns what a world changes of an authorization; "" for
// nothing.
func authorizationChange(old Authorization, sets []int, sameRefresh bool) string {
	switch {
	case old.Epoch == 0:
		return "added"
	case !old.InForce:
		return "given again"
	case !slices.Equal(old.Sets, sets):
		return "permission sets replaced"
	case !sameRefresh:
		return "refresh token replaced"
	}
	return ""
}
