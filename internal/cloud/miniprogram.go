package cloud

import "context"

// MiniProgram is a Mini Program as the operator sees it.
type MiniProgram struct {
	AppID  string `json:"appid"`
	Cloud  bool   `json:"cloud"` // cloud development is opened
	Counts Counts `json:"counts"`
}

// Key is the Mini Program's place in the list of all.
func (m MiniProgram) Key() []string { return []string{m.AppID} }

// MiniProgramFilter chooses Mini Programs. Members that are not given choose all.
type MiniProgramFilter struct {
	Cloud Maybe[bool]
}

// MiniProgramStore keeps Mini Programs for the operator.
type MiniProgramStore interface {
	MiniProgram(ctx context.Context, appid string) (MiniProgram, error)
	// MiniPrograms returns a page of those that the filter chooses.
	MiniPrograms(ctx context.Context, f MiniProgramFilter, p Page) ([]MiniProgram, error)
}

// MiniPrograms returns a page of the list of Mini Programs (OP-2).
func (s *Service) MiniPrograms(ctx context.Context, f MiniProgramFilter, p Page) ([]MiniProgram, error) {
	list, err := s.store.MiniPrograms(ctx, f, p)
	if err != nil {
		return nil, storeError("list Mini Programs", err)
	}
	return list, nil
}

// MiniProgram returns a Mini Program: NotFound if there is none.
func (s *Service) MiniProgram(ctx context.Context, appid string) (MiniProgram, error) {
	m, err := s.store.MiniProgram(ctx, appid)
	if err != nil {
		return MiniProgram{}, notFoundAs(NotFound, "no Mini Program "+appid, err)
	}
	return m, nil
}
