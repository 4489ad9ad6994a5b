package storetest

import (
	"errors"

	"github.com/opentcb/opentcb/internal/cloud"
)

// counted returns a record for a step, and wants it afterwards to say how much the
// step did, or not to be there.
func (e *exam) counted(action string) (cloud.CountedRecord, func(n int64)) {
	rec := e.rec(action)
	count := func(n int64) cloud.Record {
		rec := rec
		rec.Detail = ridOf(n)
		return rec
	}
	return count, func(n int64) {
		e.Helper()
		if n == 0 {
			e.wroteNot(rec)
		} else {
			e.wrote(count(n))
		}
	}
}

// steps runs a step until it does nothing, and wants it to have done so much each
// time.
func (e *exam) steps(what string, step func(rec cloud.CountedRecord) (int64, error), want ...int64) {
	e.Helper()
	for _, n := range append(want, 0) {
		rec, wrote := e.counted(what)
		got, err := step(rec)
		e.ok(what, err)
		e.same(what, got, n)
		wrote(n)
	}
}

// removeAccount removes an account, and wants the record only if that happened.
func (e *exam) removeAccount(a cloud.Account, want error) {
	e.Helper()
	rec := e.rec("remove")
	e.fails("RemoveAccount", e.store.RemoveAccount(e.Context(), a, rec), want)
	if want == nil {
		e.wrote(rec)
	} else {
		e.wroteNot(rec)
	}
}

func removePlatform(e *exam) {
	ctx, s := e.Context(), e.store
	_, err := s.AddCodeSecret(ctx, platform1, mini1, "sealed", e.rec("secret"))
	e.ok("AddCodeSecret", err)
	_, err = s.AddCodeSecret(ctx, platform2, mini1, "sealed", e.rec("secret"))
	e.ok("AddCodeSecret", err)
	for _, name := range []string{function1, function2} {
		ok, err := s.PutCode(ctx, ownedFunction(name), e.rec("UpdateFunctionCode"))
		e.is(true)("PutCode", ok, err)
	}
	e.consent(platform1, mini1, "code-mac", 49)
	ok, err := s.IssueComponentToken(ctx, platform1, nil, cloud.Issues{someTime + 9000}, e.rec("token"))
	e.is(true)("IssueComponentToken", ok, err)
	e.revoke(platform1, mini2)
	a := e.account(platform1)
	e.removeAccount(a, cloud.ErrStale)
	authorizations := func(rec cloud.CountedRecord) (int64, error) {
		n, _, err := s.RemoveAuthorizations(ctx, a, 1, rec)
		return n, err
	}
	_, err = authorizations(func(int64) cloud.Record { return e.rec("unmarked") })
	e.fails("RemoveAuthorizations of a platform in use", err, cloud.ErrNotFound)
	e.become(platform1, cloud.Removing)
	others := e.state()

	e.steps("release", func(rec cloud.CountedRecord) (int64, error) {
		return s.ReleaseFunctions(ctx, platform1, true, 1, rec)
	}, 1, 1)
	f, owned := e.function(mini1, env1, function1), ownedFunction(function1)
	if f.Owner != "" || f.OwnerEpoch <= owned.OwnerEpoch || f.Sum != sum2 {
		e.Errorf("a function that was released: %+v", f)
	}
	e.steps("authorizations", authorizations, 1, 1)
	key := cloud.EnvironmentKey{Account: platform1, Env: envBatch}
	e.ok("RemoveEnvironment", s.RemoveEnvironment(ctx, key, true, e.rec("environment")))
	e.removeAccount(a, nil)
	e.removeAccount(a, cloud.ErrNotFound)

	now := e.state()
	for _, name := range []string{
		"platform " + platform1, "account " + platform1,
		"authorization " + platform1 + mini1, "authorization " + platform1 + mini2,
		"secret " + platform1 + mini1, "code " + platform1, "environment " + platform1 + envBatch,
	} {
		e.same(name, now[name], nil)
		delete(others, name)
	}
	for _, name := range []string{
		"functions " + mini1 + env1, "history " + platform1 + envBatch, "credential epoch " + platform1 + envBatch,
		"refresh token " + platform1 + mini1 + "refresh-of-c1-a1", "refresh token " + platform1 + mini1 + codeRefresh,
	} {
		delete(others, name)
	}
	e.unchanged("a platform was removed", others)

	e.apply(cloud.PutPlatform{Platform: cloud.Platform{AppID: platform1, SecretMAC: "new"}, VoidAt: someTime})
	e.same("tokens of before", e.platform(platform1).VoidBefore, int64(someTime+9001))
	_, err = s.Authorization(ctx, platform1, mini1)
	e.fails("an authorization of the platform that is new", err, cloud.ErrNotFound)
}

func removeMiniProgram(e *exam) {
	ctx, s := e.Context(), e.store
	_, err := s.AddCodeSecret(ctx, platform2, mini1, "sealed", e.rec("secret"))
	e.ok("AddCodeSecret", err)
	ok, err := s.Revoke(ctx, platform2, mini1, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)
	a := e.account(mini1)
	e.become(mini1, cloud.Removing)
	others := e.state()
	all, inForce, err := s.RemoveAuthorizations(ctx, a, 10, func(int64) cloud.Record { return e.rec("authorizations") })
	e.ok("RemoveAuthorizations", err)
	e.same("authorizations", []int64{all, inForce}, []int64{2, 1})
	for {
		ids, err := s.EnvironmentIDs(ctx, mini1, 1)
		e.ok("EnvironmentIDs", err)
		if len(ids) == 0 {
			break
		}
		key := cloud.EnvironmentKey{Account: mini1, Env: ids[0]}
		_, err = s.RemoveFunctions(ctx, key, true, 10, func(int64) cloud.Record { return e.rec("functions") })
		e.ok("RemoveFunctions", err)
		e.ok("RemoveEnvironment", s.RemoveEnvironment(ctx, key, true, e.rec("environment")))
	}
	e.removeAccount(a, nil)
	now := e.state()
	for name, row := range others {
		if now[name] != nil && row == nil {
			e.Errorf("%s is there", name)
		}
	}
	for _, name := range []string{
		"account " + mini1, "authorization " + platform1 + mini1, "authorization " + platform2 + mini1, "secret " + platform2 + mini1,
		"environment " + mini1 + env1, "environment " + mini1 + env2, "environment " + mini1 + env3,
	} {
		e.same(name, now[name], nil)
	}
	e.same("the other Mini Program", now["authorization "+platform1+mini2], others["authorization "+platform1+mini2])
	e.same("the other's environment", now["environment "+mini2+envOther], others["environment "+mini2+envOther])
	e.same("platforms", now["platform "+platform1], others["platform "+platform1])
}

func removeEnvironment(e *exam) {
	ctx, s := e.Context(), e.store
	e.addObserved(observedAt(0, "/one", 1), observedAt(0, "/two", 1), observedAt(1, "/one", 1))
	e.accepted(set(env1, true, 2, "/new"))
	rec := e.rec("environment")
	e.fails("an environment with functions", s.RemoveEnvironment(ctx, key1, false, rec), cloud.ErrStale)
	e.wroteNot(rec)
	others := e.state()
	ok, err := s.RemoveFunction(ctx, key1, function1, rec)
	e.is(true)("RemoveFunction", ok, err)
	e.wrote(rec)
	ok, err = s.RemoveFunction(ctx, key1, function1, e.rec("again"))
	e.is(false)("RemoveFunction again", ok, err)
	marked, _ := e.counted("marked")
	_, err = s.RemoveFunctions(ctx, key1, true, 10, marked)
	e.fails("functions of an account in use", err, cloud.ErrNotFound)
	e.steps("functions", func(rec cloud.CountedRecord) (int64, error) {
		return s.RemoveFunctions(ctx, key1, false, 10, rec)
	}, 1)
	for _, want := range []int64{2, 3, 0} { // 3 counts; 2 changes: how it was made, and the set
		n, err := s.ForgetEnvironment(ctx, key1, false, 2)
		e.ok("ForgetEnvironment", err)
		e.same("forgotten", n, want)
	}
	rec = e.rec("environment")
	e.ok("RemoveEnvironment", s.RemoveEnvironment(ctx, key1, false, rec))
	e.wrote(rec)
	e.fails("RemoveEnvironment again", s.RemoveEnvironment(ctx, key1, false, e.rec("again")), cloud.ErrNotFound)
	_, err = s.Environment(ctx, mini1, env1)
	e.fails("Environment", err, cloud.ErrNotFound)
	for _, name := range []string{"environment ", "functions ", "history ", "observed ", "credential epoch "} {
		delete(others, name+mini1+env1)
	}
	e.unchanged("an environment was removed", others)
	ok, err = s.CreateFunction(ctx, ownedFunction("new"), e.rec("createfunction"))
	e.fails("a function of an environment that is gone", err, cloud.ErrNotFound)
	e.is(false)("CreateFunction", ok, nil)
	e.apply(cloud.AddEnvironment{Account: mini1, ID: env1})
	if h := e.history(mini1, env1); len(h) != 1 || len(e.observed(mini1, env1, 0)) != 0 {
		e.Errorf("what is made anew has a history: %+v", h)
	}
}

// removeContention: while an account is being removed, and once it is gone, nothing
// is put below it, whoever is first.
func removeContention(e *exam) {
	ctx, s := e.Context(), e.store
	for range 10 {
		old := e.account(platform2)
		e.together(func(i int) (bool, error) {
			if i == crowd/2 {
				ch := cloud.AccountChange{Old: &old, New: old}
				ch.New.State = cloud.Removing
				return true, s.ChangeAccount(ctx, ch, e.rec("mark"))
			}
			if i > crowd/2 {
				_, _, err := s.RemoveAuthorizations(ctx, old, 1, func(int64) cloud.Record { return e.rec("authorizations") })
				return true, ignore(err)
			}
			err := s.Consent(ctx, consentOf(platform2, mini2, ridOf(int64(i)), 49), e.rec("authorize"))
			return true, ignore(err)
		})
		for n := int64(1); n > 0; {
			var err error
			n, _, err = s.RemoveAuthorizations(ctx, old, 10, func(int64) cloud.Record { return e.rec("authorizations") })
			e.ok("RemoveAuthorizations", err)
		}
		e.removeAccount(old, nil)
		_, err := s.Authorization(ctx, platform2, mini2)
		e.fails("Authorization", err, cloud.ErrNotFound)
		e.apply(cloud.PutPlatform{Platform: cloud.Platform{AppID: platform2}})
		_, err = s.Authorization(ctx, platform2, mini2)
		e.fails("an authorization was left", err, cloud.ErrNotFound)
	}
}

// ignore leaves out that something is not there.
func ignore(err error) error {
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	return err
}
