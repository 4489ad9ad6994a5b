package storetest

import "github.com/opentcb/opentcb/internal/cloud"

func (e *exam) credentialEpoch(account, env string) int64 {
	e.Helper()
	epoch, err := e.store.CredentialEpoch(e.Context(), account, env)
	e.ok("CredentialEpoch", err)
	return epoch
}

// credentialEpochs: an epoch is of one environment only. It is the time when that was
// made or its credentials were revoked, or one more than the epoch before if that is
// as late.
func credentialEpochs(e *exam) {
	revoke := func(account, env string) (cloud.Record, error) {
		rec := e.rec("revoke " + env)
		return rec, e.store.RevokeCredentials(e.Context(), account, env, rec)
	}
	var last int64 // of one that a server of before made
	for range 3 {
		e.same("epoch", e.credentialEpoch(mini1, env1), last)
		rec, err := revoke(mini1, env1)
		e.ok("RevokeCredentials", err)
		e.wrote(rec)
		last = rec.At
	}
	early := e.rec("revoke")
	early.At = someTime - 5
	e.ok("RevokeCredentials", e.store.RevokeCredentials(e.Context(), mini1, env1, early))
	last++
	rec, err := revoke(platform1, envBatch)
	e.ok("RevokeCredentials of a platform's", err)
	e.wrote(rec)
	e.same("epoch of a platform's", e.credentialEpoch(platform1, envBatch), rec.At)
	rec = e.rec("apply")
	made := []cloud.Change{cloud.AddEnvironment{Account: mini1, ID: "env-new"}}
	e.ok("Apply", e.store.Apply(e.Context(), made, []cloud.Record{rec}))
	e.same("epoch of a new environment", e.credentialEpoch(mini1, "env-new"), rec.At)
	e.same("epoch of another environment", e.credentialEpoch(mini1, env2), int64(0))
	for _, no := range []cloud.EnvironmentKey{
		{Account: mini1, Env: "no-such-env"}, {Account: mini2, Env: env1}, {Account: mini1, Env: envOther},
	} {
		rec, err := revoke(no.Account, no.Env)
		e.fails("RevokeCredentials of none", err, cloud.ErrNotFound)
		e.wroteNot(rec)
		e.same("epoch of none", e.credentialEpoch(no.Account, no.Env), int64(0))
	}
	e.store = e.Reopen(e.T, e.store)
	e.same("epoch with the environment", e.environment(mini1, env1).CredentialEpoch, last)
	e.same("epoch after reopening", e.credentialEpoch(mini1, env1), last)
}

// credentialContention: no revocation is lost.
func credentialContention(e *exam) {
	e.together(func(int) (bool, error) {
		rec := e.rec("revoke")
		rec.At = someTime
		return true, e.store.RevokeCredentials(e.Context(), mini1, env1, rec)
	})
	e.same("epoch", e.credentialEpoch(mini1, env1), int64(someTime+crowd-1))
	if n := len(e.records(all)); n != crowd {
		e.Errorf("%d records, want %d", n, crowd)
	}
}
