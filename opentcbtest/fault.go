package opentcbtest

import (
	"context"
	"time"

	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// Fault is a rule: which calls get a fault, when, and which. What is zero of the
// first members fits every call. Exactly one thing is done: ErrCode, Status, Delay,
// Cut, Reset, Stall, LoseAnswer, Expire, Alter, Drop, Twice, BadSignature or BadBody.
type Fault struct {
	// Interface is a wire name, or link (a download), upload, cloudcall, push or
	// consent.
	Interface                            string
	Platform, AppID, Env, Function, Path string

	Skip        int       // so many calls are let pass first
	Times       int       // it acts so often at most; 0: without end
	Probability float64   // 0: on each call
	Seed        uint64    // of the chance: the same seed and calls give the same faults
	Until       time.Time // by the server's clock

	ErrCode int // the call is refused with it
	ErrMsg  string
	Status  int // an HTTP answer, as a proxy would give it
	Body    string
	// Delay is how long the call waits; with DelayMost between the two, by chance.
	Delay, DelayMost time.Duration
	Cut              *int // the answer breaks off after so many bytes
	Reset            bool // the connection is reset
	Stall            bool // nothing is answered until the caller gives up
	LoseAnswer       bool // the call is carried out, then the connection is reset
	Expire           bool // the call's token or link is expired from then on
	Alter            bool // links: a byte of the code is flipped

	Drop, Twice, BadSignature, BadBody bool // pushes
}

// Fault adds a rule, behind those that there are. It fails the test if it cannot be,
// or can never act.
func (s *Server) Fault(f Fault) {
	s.t.Helper()
	added, err := s.admin.AddFault(context.Background(), f.rule())
	if err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
	if added.Never != "" {
		s.t.Fatalf("opentcbtest: the fault can never act: %s", added.Never)
	}
}

// ClearFaults removes all rules.
func (s *Server) ClearFaults() {
	s.t.Helper()
	if _, err := s.admin.ClearFaults(context.Background(), ""); err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
}

// rule is the fault as the server takes it.
func (f Fault) rule() inject.Rule {
	r := inject.Rule{
		Match: journal.Match{
			Interface: f.Interface, Platform: f.Platform, AppID: f.AppID, Env: f.Env, Function: f.Function, Path: f.Path,
		},
		When: inject.When{Skip: f.Skip, Seed: f.Seed, Until: f.Until},
		Do: inject.Do{
			ErrMsg: f.ErrMsg, Reset: f.Reset, Stall: f.Stall, LoseAnswer: f.LoseAnswer, Expire: f.Expire, Alter: f.Alter,
			Drop: f.Drop, Twice: f.Twice, BadSignature: f.BadSignature, BadBody: f.BadBody,
		},
	}
	if f.Times != 0 {
		r.When.Times = &f.Times
	}
	if f.Probability != 0 {
		r.When.Probability = &f.Probability
	}
	if f.ErrCode != 0 {
		r.Do.ErrCode = &f.ErrCode
	}
	if f.Status != 0 {
		r.Do.Status = &inject.Status{Code: f.Status, Body: f.Body}
	}
	if f.Cut != nil {
		r.Do.Cut = &inject.Cut{After: *f.Cut}
	}
	if f.Delay != 0 || f.DelayMost != 0 {
		r.Do.Delay = &inject.Delay{Min: f.Delay, Max: max(f.Delay, f.DelayMost)}
	}
	return r
}
