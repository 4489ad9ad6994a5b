package storetest

import "github.com/opentcb/opentcb/internal/cloud"

func environmentDefaults(e *exam) {
	e.same("environment", e.environment(mini1, env1), cloud.Environment{
		Account: mini1, ID: env1, Cloud: true, Open: true,
		Whitelist: []string{"/wxa/one", "/cgi-bin/*"}, Version: 2, SetVersion: -1, SetOpen: true,
	})
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-bare"})
	if bare := e.environment(mini1, "env-bare"); len(bare.Whitelist) != 0 || bare.Version != 2 || !bare.Open {
		e.Errorf("an environment of which nothing is said: %+v; want open, no entries, version 2", bare)
	}
	for id, want := range map[string]string{env1: mini1, envOther: mini2, envBatch: platform1} {
		account, err := e.store.EnvironmentAccount(e.Context(), id)
		e.ok("EnvironmentAccount", err)
		e.same("account of "+id, account, want)
	}
	_, err := e.store.Environment(e.Context(), mini2, env1)
	e.fails("an environment through another account", err, cloud.ErrNotFound)
	e.apply(cloud.PutAccount{Account: cloud.Account{AppID: mini1, Cloud: false}})
	if env := e.environment(mini1, env1); env.Cloud {
		e.Error("an environment does not show that its account's cloud development is closed")
	}
}
