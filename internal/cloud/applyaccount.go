package cloud

import (
	"errors"
	"strings"
)

// platform plans what a world says of a platform.
func (p *planner) platform(w WorldPlatform) error {
	a, err := p.account(w.AppID)
	if err != nil {
		return err
	}
	if a != nil && !a.IsPlatform {
		return p.reject(w.Line, "%s is a Mini Program, not a platform", w.AppID)
	}
	item, about := "platform "+w.AppID, Caller{Platform: w.AppID}
	if a == nil && w.Secret == "" {
		return p.reject(w.Line, "%s does not exist yet: it needs secret", item)
	}
	row := Platform{AppID: w.AppID}
	if w.Secret != "" {
		row.SecretMAC = p.s.ring.MAC(appSecretPurpose, []string{w.AppID}, w.Secret)
	}
	if w.Ticket != "" {
		row.FixedTicket = p.s.ring.Seal(fixedTicketPurpose, []string{w.AppID}, w.Ticket)
	}
	var ch AccountChange
	if a != nil {
		if err := p.credentials(w, row, item, about); err != nil {
			return err
		}
		if err := p.s.readPlatform(p.ctx, w.AppID, &ch); err != nil {
			return err
		}
	} else {
		a = &Account{AppID: w.AppID, IsPlatform: true, Cloud: true, CreatedAt: p.caller.Now}
		p.accounts[w.AppID] = a
		err := p.change(PutPlatform{Platform: row, VoidAt: p.caller.Now, CreatedAt: p.caller.Now}, about, item, "added")
		if err != nil {
			return err
		}
	}
	return p.edit(a, ch, w.Line, about, item, func(ch *AccountChange) error {
		return p.s.planPlatform(w.With, ch, p.caller.Now)
	})
}

// credentials plans what a world says of the secret and the ticket of a platform
// that is there.
func (p *planner) credentials(w WorldPlatform, row Platform, item string, about Caller) error {
	old, err := p.s.store.Platform(p.ctx, w.AppID)
	if err != nil {
		return err
	}
	if w.Ticket == "" && !w.NoTicket {
		row.FixedTicket = old.FixedTicket
	}
	put, what := PutPlatform{Platform: row}, []string{}
	if w.Secret != "" && !p.s.ring.CheckMAC(appSecretPurpose, []string{w.AppID}, w.Secret, old.SecretMAC) {
		what = append(what, "secret")
		if !p.world.Options.KeepTokens {
			put.VoidAt = p.caller.Now // whoever had the secret may have tokens
		}
	} else {
		put.KeepSecret = true // whatever it is by then
	}
	same, err := p.sameTicket(old, w)
	switch {
	case err != nil:
		return err
	case !same && w.NoTicket && len(what) == 0:
		return p.change(put, about, item, "fixed verify ticket taken away")
	case !same:
		what = append(what, "verify ticket")
	}
	if len(what) == 0 {
		return nil
	}
	return p.change(put, about, item, strings.Join(what, " and ")+" replaced")
}

// sameTicket reports whether a world leaves the fixed ticket as it is.
func (p *planner) sameTicket(old Platform, w WorldPlatform) (bool, error) {
	switch {
	case w.NoTicket:
		return old.FixedTicket == "", nil
	case w.Ticket == "":
		return true, nil // what is absent stays as it is
	case old.FixedTicket == "":
		return false, nil
	}
	was, err := p.s.ticket(old, 0)
	return was == w.Ticket, err
}

// miniProgram plans what a world says of a Mini Program.
func (p *planner) miniProgram(w WorldMiniProgram) error {
	a, err := p.account(w.AppID)
	if err != nil {
		return err
	}
	item, about := "Mini Program "+w.AppID, Caller{AppID: w.AppID}
	switch {
	case a == nil:
		a = &Account{AppID: w.AppID, Cloud: w.Cloud == nil || *w.Cloud, CreatedAt: p.caller.Now}
		p.accounts[w.AppID] = a
		err = p.change(PutAccount{*a}, about, item, "added")
	case a.IsPlatform:
		return p.reject(w.Line, "%s is a platform, not a Mini Program", w.AppID)
	case w.Cloud != nil && *w.Cloud != a.Cloud:
		a.Cloud = *w.Cloud
		err = p.change(PutAccount{Account{AppID: w.AppID, Cloud: a.Cloud}}, about, item,
			map[bool]string{true: "cloud development opened", false: "cloud development closed"}[a.Cloud])
	}
	if err != nil {
		return err
	}
	return p.edit(a, AccountChange{}, w.Line, about, item, w.With.plan)
}

// edit plans what plan makes of an account that is, or will be, as a says.
func (p *planner) edit(
	a *Account, ch AccountChange, line int, about Caller, item string, plan func(*AccountChange) error,
) error {
	old := *a
	ch.Old, ch.New = &old, old
	err := plan(&ch)
	if refused, ok := errors.AsType[*Error](err); ok && refused.Detail != "" {
		return p.reject(line, "%s: %s", item, refused.Detail)
	}
	if err != nil {
		return err
	}
	what := ch.String()
	if what == "" {
		return nil
	}
	*a = ch.New
	return p.change(ch, about, item, what)
}
