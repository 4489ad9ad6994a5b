package cloud

import (
	"context"
	"time"
)

// MiniProgram is a Mini Program as the operator sees it.
type MiniProgram struct {
	AppID     string    `json:"appid"`
	Name      string    `json:"name,omitempty"`
	Principal string    `json:"principal,omitempty"` // whom it belongs to
	Cloud     bool      `json:"cloud"`               // cloud development is opened
	Disabled  bool      `json:"disabled"`
	Removing  bool      `json:"removing,omitempty"` // its removal has begun
	Counts    Counts    `json:"counts"`
	CreatedAt time.Time `json:"created_at,omitzero"` // zero of what a server of before made
}

// Key is the Mini Program's place in the list of all.
func (m MiniProgram) Key() []string { return []string{m.AppID} }

// SetAccount sets what the account says of the Mini Program.
func (m *MiniProgram) SetAccount(a Account) {
	m.AppID, m.Name, m.Principal, m.Cloud = a.AppID, a.Name, a.Principal, a.Cloud
	m.Disabled, m.Removing, m.CreatedAt = a.State != InUse, a.State == Removing, sinceEpoch(a.CreatedAt)
}

// MiniProgramFilter chooses Mini Programs. Members that are not given choose all.
type MiniProgramFilter struct {
	Name, Principal Maybe[string]
	Cloud, Disabled Maybe[bool]
}

// MiniProgramChange is what the operator says of a Mini Program. Away are no name,
// no principal, cloud development opened, and in use.
type MiniProgramChange struct {
	Name      Maybe[string] `json:"name,omitzero"`
	Principal Maybe[string] `json:"principal,omitzero"`
	Cloud     Maybe[bool]   `json:"cloud,omitzero"`
	Disabled  Maybe[bool]   `json:"disabled,omitzero"`
}

// MiniProgramStore shows Mini Programs to the operator.
type MiniProgramStore interface {
	MiniProgram(ctx context.Context, appid string) (MiniProgram, error)
	// MiniPrograms returns a page of those that the filter chooses. Of what there
	// is below one, up to ListCount are counted.
	MiniPrograms(ctx context.Context, f MiniProgramFilter, p Page) ([]MiniProgram, error)
}

const actMiniProgram = "miniprogram"

// MiniPrograms returns a page of the list of Mini Programs (OP-2).
func (s *Service) MiniPrograms(ctx context.Context, f MiniProgramFilter, p Page) ([]MiniProgram, error) {
	list, err := s.store.MiniPrograms(ctx, f, p)
	return list, storeError("list Mini Programs", err)
}

// MiniProgram returns a Mini Program: NotFound if there is none.
func (s *Service) MiniProgram(ctx context.Context, appid string) (MiniProgram, error) {
	m, err := s.store.MiniProgram(ctx, appid)
	return m, notFoundAs(NotFound, "no Mini Program "+appid, err)
}

// ChangeMiniProgram changes the members that are given: NotFound, Conflict, or
// InvalidArgs that names the member.
func (s *Service) ChangeMiniProgram(
	ctx context.Context, c Caller, appid string, with MiniProgramChange,
) (MiniProgram, error) {
	m, _, err := s.editMiniProgram(ctx, c, appid, false, with)
	return m, err
}

// PutMiniProgram makes a Mini Program, or replaces one whole: what is absent is
// away. It reports whether it made it. Conflict, or InvalidArgs that names the
// member.
func (s *Service) PutMiniProgram(
	ctx context.Context, c Caller, appid string, with MiniProgramChange,
) (m MiniProgram, made bool, err error) {
	return s.editMiniProgram(ctx, c, appid, true, with)
}

// editMiniProgram changes a Mini Program, or replaces it whole, and returns it.
func (s *Service) editMiniProgram(
	ctx context.Context, c Caller, appid string, whole bool, with MiniProgramChange,
) (m MiniProgram, made bool, err error) {
	plan := func(ch *AccountChange) error {
		if a := &ch.New; whole {
			*a = Account{AppID: a.AppID, CreatedAt: a.CreatedAt, Cloud: true}
		}
		return with.plan(ch)
	}
	made, err = s.edit(ctx, c, edit{appid: appid, makes: whole, action: actMiniProgram, plan: plan})
	if err == nil {
		m, err = s.MiniProgram(ctx, appid)
	}
	return m, made, err
}

// plan says what a Mini Program becomes.
func (with MiniProgramChange) plan(ch *AccountChange) error {
	a := &ch.New
	a.Name, a.Principal = with.Name.take(a.Name, ""), with.Principal.take(a.Principal, "")
	a.Cloud, a.State = with.Cloud.take(a.Cloud, true), state(a.State, with.Disabled)
	if err := checkText("name", a.Name); err != nil {
		return err
	}
	return checkText("principal", a.Principal)
}
