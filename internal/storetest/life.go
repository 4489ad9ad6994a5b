package storetest

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// notFound: a row that is not there is ErrNotFound, whichever it is.
func notFound(e *exam) {
	ctx, s := e.Context(), e.store
	for name, read := range map[string]func() error{
		"Platform":           func() error { _, err := s.Platform(ctx, platform1); return err },
		"MiniProgram":        func() error { _, err := s.MiniProgram(ctx, mini1); return err },
		"PlatformView":       func() error { _, err := s.PlatformView(ctx, platform1); return err },
		"Account":            func() error { _, err := s.Account(ctx, mini1); return err },
		"Authorization":      func() error { _, err := s.Authorization(ctx, platform1, mini1); return err },
		"AuthCode":           func() error { _, err := s.AuthCode(ctx, platform1, "code-mac"); return err },
		"CodeSecret":         func() error { _, err := s.CodeSecret(ctx, platform1, mini1); return err },
		"Environment":        func() error { _, err := s.Environment(ctx, mini1, env1); return err },
		"EnvironmentAccount": func() error { _, err := s.EnvironmentAccount(ctx, env1); return err },
		"Function":           func() error { _, err := s.Function(ctx, mini1, env1, function1); return err },
	} {
		e.fails(name, read(), cloud.ErrNotFound)
	}
	if fs, total, err := s.Functions(ctx, mini1, env1, 0, 10); len(fs) != 0 || total != 0 || err != nil {
		e.Errorf("Functions: %v, %d, %v; want none", fs, total, err)
	}
	if recs := e.records(all); len(recs) != 0 {
		e.Errorf("records of an empty store: %v", recs)
	}
	for name, n := range map[string]int{
		"History": len(e.history(mini1, env1)), "Observed": len(e.observed(mini1, env1, 0)),
		"Refusals": len(e.refusals(0, math.MaxInt64)), "CredentialEpoch": int(e.credentialEpoch(mini1, env1)),
	} {
		e.same(name+" of an empty store", n, 0)
	}
	e.prune(someTime, key1)
	rec := e.rec("set")
	_, err := s.SetPermission(ctx, cloud.PermissionSet{Account: mini1, Env: env1, Open: true, Version: 2}, rec)
	e.fails("SetPermission", err, cloud.ErrNotFound)
	e.wroteNot(rec)
}

// change is a verb that writes, carried out on the fixture.
type change struct {
	name  string
	do    func(context.Context, cloud.Record) error
	quiet bool // writes no audit record
}

// changes are all the verbs that write, each of them such that it happens.
func (e *exam) changes() []change {
	a := e.authorization(platform1, mini1)
	s := e.store
	e.addAdminTokens("first", "second")
	return append(e.quietChanges(), []change{
		{name: "IssueComponentToken", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.IssueComponentToken(ctx, platform1, nil, cloud.Issues{someTime}, rec))
		}},
		{name: "Consent", do: func(ctx context.Context, rec cloud.Record) error {
			return s.Consent(ctx, consentOf(platform1, mini1, "code-mac", 49), rec)
		}},
		{name: "AddAuthCode", quiet: true, do: e.anotherCode},
		{name: "RedeemAuthCode", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.RedeemAuthCode(ctx, a, "code-mac", token("new-refresh"), cloud.Issues{someTime}, rec))
		}},
		{name: "IssueAuthorizerToken", do: func(ctx context.Context, rec cloud.Record) error {
			now := a
			now.Issued = cloud.Issues{someTime}
			return hit(s.IssueAuthorizerToken(ctx, now, cloud.Issues{someTime, someTime + 1}, rec))
		}},
		{name: "Revoke", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.Revoke(ctx, platform1, mini2, rec))
		}},
		{name: "AddCodeSecret", do: func(ctx context.Context, rec cloud.Record) error {
			_, err := s.AddCodeSecret(ctx, platform1, mini1, "sealed", rec)
			return err
		}},
		{name: "SetPermission", do: func(ctx context.Context, rec cloud.Record) error {
			res, err := s.SetPermission(ctx, set(env1, false, 2, "/new"), rec)
			return hit(res.Accepted, err)
		}},
		{name: "CreateFunction", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.CreateFunction(ctx, ownedFunction("new"), rec))
		}},
		{name: "PutCode", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.PutCode(ctx, ownedFunction(function1), rec))
		}},
		{name: "Apply", do: func(ctx context.Context, rec cloud.Record) error {
			closed := cloud.PutAccount{Account: cloud.Account{AppID: mini2, Cloud: false}}
			return s.Apply(ctx, []cloud.Change{closed}, []cloud.Record{rec})
		}},
		{name: "ChangeAccount", do: e.disable},
		{name: "AppendRecords", do: func(ctx context.Context, rec cloud.Record) error {
			return s.AppendRecords(ctx, []cloud.Record{rec})
		}},
		{name: "RevokeCredentials", do: func(ctx context.Context, rec cloud.Record) error {
			return s.RevokeCredentials(ctx, mini1, env1, rec)
		}},
		{name: "AddAdminToken", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.AddAdminToken(ctx, adminToken("new"), rec))
		}},
		{name: "RemoveAdminToken", do: func(ctx context.Context, rec cloud.Record) error {
			return hit(s.RemoveAdminToken(ctx, "first", rec))
		}},
	}...)
}

// quietChanges are those of them that write no audit record.
func (e *exam) quietChanges() []change {
	s, old := e.store, observedAt(-5, "/old", 3)
	return []change{
		{name: "NoteAdminTokenUse", quiet: true, do: func(ctx context.Context, _ cloud.Record) error {
			return s.NoteAdminTokenUse(ctx, "second", "mac-of-second", someTime+9)
		}},
		{name: "KeepRefreshToken", quiet: true, do: func(ctx context.Context, _ cloud.Record) error {
			return s.KeepRefreshToken(ctx, platform1, mini1, token("refresh-of-c1-a1"))
		}},
		{name: "AddObserved", quiet: true, do: func(ctx context.Context, _ cloud.Record) error {
			return s.AddObserved(ctx, []cloud.Observed{old, observedAt(1, "/new", 7)})
		}},
		{name: "AppendRefusals", quiet: true, do: func(ctx context.Context, rec cloud.Record) error {
			return s.AppendRefusals(ctx, []cloud.Record{rec, e.refusal(-5 * hour)})
		}},
		{name: "Prune", quiet: true, do: func(ctx context.Context, _ cloud.Record) error {
			return s.Prune(ctx, someTime, []cloud.EnvironmentKey{key1})
		}},
	}
}

var errMissed = errors.New("the change did not happen")

func hit(ok bool, err error) error {
	if err == nil && !ok {
		return errMissed
	}
	return err
}

// reopened: every change, its record with it, is there after a restart.
func reopened(e *exam) {
	for _, c := range e.changes() {
		rec := e.rec(c.name)
		e.ok(c.name, c.do(e.Context(), rec))
		if c.quiet {
			e.wroteNot(rec)
		} else {
			e.wrote(rec)
		}
	}
	state, recs := e.state(), e.records(all)
	e.store = e.Reopen(e.T, e.store)
	e.unchanged("reopening", state)
	e.same("records after reopening", e.records(all), recs)
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-after"}) // and it goes on
}

// cancelled: a change whose caller gave up before it was handed over is not
// made. It is tried several times, since chance may have a part in it.
func cancelled(e *exam) {
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	changes := e.changes()
	before := e.state()
	for _, c := range changes {
		for range 10 {
			rec := e.rec(c.name)
			err := c.do(ctx, rec)
			e.fails(c.name, err, cloud.ErrUnavailable)
			e.fails(c.name, err, context.Canceled)
			e.wroteNot(rec)
		}
		e.unchanged(c.name, before)
	}
}

func ping(e *exam) {
	before := e.state()
	e.ok("Ping", e.store.Ping(e.Context()))
	e.unchanged("Ping", before)
	e.store = e.Reopen(e.T, e.store)
	e.ok("Ping after reopening", e.store.Ping(e.Context()))
}

// closed: a closed store returns an error, and does not hang or panic.
func closed(e *exam) {
	changes := e.changes()
	e.ok("Close", e.store.Close())
	for _, c := range changes {
		e.fails(c.name, c.do(e.Context(), e.rec(c.name)), cloud.ErrUnavailable)
	}
	if err := e.store.Ping(e.Context()); err == nil {
		e.Error("Ping of a closed store: nil")
	}
	if _, err := e.store.Platform(e.Context(), platform1); err == nil || errors.Is(err, cloud.ErrNotFound) {
		e.Errorf("Platform of a closed store: %v; want another error than that it is not there", err)
	}
	e.ok("Close again", e.store.Close())
}

// closeUnderWay: Close answers every change, and what was answered with
// success is there afterwards, nothing else.
func closeUnderWay(e *exam) {
	var mu sync.Mutex
	kept := map[string]bool{} // by function name: whether it was answered with success
	var wg, begun sync.WaitGroup
	for i := range crowd {
		begun.Add(1)
		wg.Go(func() {
			for n := 0; ; n++ {
				name := "f" + strconv.Itoa(i) + "-" + strconv.Itoa(n)
				ok, err := e.store.CreateFunction(e.Context(), ownedFunction(name), e.rec("createfunction"))
				mu.Lock()
				kept[name] = ok
				mu.Unlock()
				if n == 0 {
					begun.Done()
				}
				if err != nil {
					e.fails("CreateFunction", err, cloud.ErrUnavailable)
					return
				}
			}
		})
	}
	begun.Wait()
	e.ok("Close", e.store.Close())
	answered := make(chan struct{})
	go func() { wg.Wait(); close(answered) }()
	select {
	case <-answered:
	case <-time.After(30 * time.Second):
		e.Fatal("changes were not answered")
	}
	e.store = e.Reopen(e.T, e.store)
	for name, want := range kept {
		_, err := e.store.Function(e.Context(), mini1, env1, name)
		if there := err == nil; there != want {
			e.Errorf("function %s: there %t (%v), answered with success %t", name, there, err, want)
		}
	}
}
