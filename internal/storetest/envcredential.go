package storetest

import "github.com/opentcb/opentcb/internal/cloud"

func (e *exam) credentialEpoch(account, env string) int64 {
	e.Helper()
	epoch, err := e.store.CredentialEpoch(e.Context(), account, env)
	e.ok("CredentialEpoch", err)
	return epoch
}

// credentialEpochs: an epoch counts the revocations of its own environment only.
func credentialEpochs(e *exam) {
	revoke := func(account, env string) (cloud.Record, error) {
		rec := e.rec("revoke " + env)
		return rec, e.store.RevokeCredentials(e.Context(), account, env, rec)
	}
	for want := int64(0); want < 3; want++ {
		e.same("epoch", e.credentialEpoch(mini1, env1), want)
		rec, err := revoke(mini1, env1)
		e.ok("RevokeCredentials", err)
		e.wrote(rec)
	}
	rec, err := revoke(platform1, envBatch)
	e.ok("RevokeCredentials of a platform's", err)
	e.wrote(rec)
	e.same("epoch of a platform's", e.credentialEpoch(platform1, envBatch), int64(1))
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
	e.same("epoch with the environment", e.environment(mini1, env1).CredentialEpoch, int64(3))
	e.same("epoch after reopening", e.credentialEpoch(mini1, env1), int64(3))
}

// credentialContention: no revocation is lost.
func credentialContention(e *exam) {
	e.together(func(int) (bool, error) {
		return true, e.store.RevokeCredentials(e.Context(), mini1, env1, e.rec("revoke"))
	})
	e.same("epoch", e.credentialEpoch(mini1, env1), int64(crowd))
	if n := len(e.records(all)); n != crowd {
		e.Errorf("%d records, want %d", n, crowd)
	}
}
