package storetest

import (
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

func (e *exam) funcConfigs(env, from, to string) []cloud.SealedConfig {
	e.Helper()
	all, err := e.store.FuncConfigs(e.Context(), mini1, env, from, to)
	e.ok("FuncConfigs", err)
	return all
}

// funcConfigs: each kind of a function's configuration is replaced by itself, and goes
// with the function: one of the same name that is made later has none.
func funcConfigs(e *exam) {
	put := func(c cloud.SealedConfig) (bool, cloud.Record, error) {
		rec := e.rec("put " + c.Name)
		ok, err := e.store.PutFuncConfig(e.Context(), c, rec)
		return ok, rec, err
	}
	config := func(env, name string, kind tcb.FuncConfigType, sealed string) cloud.SealedConfig {
		return cloud.SealedConfig{Account: mini1, Env: env, Name: name, Kind: kind, Sealed: sealed}
	}
	one := config(env1, function1, 3, "sealed-one-000000000000")
	other, second := config(env1, function1, 1, "sealed-other"), config(env1, function2, 3, "sealed-second")
	elsewhere := config(env2, function1, 3, "sealed-elsewhere")
	key := cloud.EnvironmentKey{Account: mini1, Env: env1}
	mark := e.marks(key)[key]
	for _, c := range []cloud.SealedConfig{config(env1, function1, 3, "sealed-before"), one, other, second, elsewhere} {
		ok, rec, err := put(c)
		e.is(true)("PutFuncConfig", ok, err)
		e.wrote(rec)
	}
	if e.marks(key)[key] == mark {
		e.Error("the mark of the environment is as before")
	}
	e.same("of all", e.funcConfigs(env1, function1, function2), []cloud.SealedConfig{other, one, second})
	e.same("of one", e.funcConfigs(env1, function2, function2), []cloud.SealedConfig{second})
	e.same("of one elsewhere", e.funcConfigs(env2, function1, function1), []cloud.SealedConfig{elsewhere})
	for _, none := range []cloud.SealedConfig{
		config(env1, "nothing", 3, "x"), config(env3, function1, 3, "x"),
		{Account: mini2, Env: env1, Name: function1, Kind: 3, Sealed: "x"},
	} {
		ok, rec, err := put(none)
		e.is(false)("PutFuncConfig of none", ok, err)
		e.wroteNot(rec)
	}
	e.store = e.Reopen(e.T, e.store)
	e.is(true)(e.removed(key, function1))
	made := ownedFunction(function1)
	e.is(true)(e.created(made))
	e.same("of one that is made anew", e.funcConfigs(env1, function1, function2), []cloud.SealedConfig{second})
	n, err := e.store.RemoveFunctions(e.Context(), key, false, 10, nil)
	e.ok("RemoveFunctions", err)
	e.same("functions removed", n, int64(2))
	second2 := ownedFunction(function2)
	second2.AddedAt = someTime - 2000 // as of the one that was removed
	e.is(true)(e.created(second2))
	e.same("of what is made anew", len(e.funcConfigs(env1, function1, function2)), 0)
	e.same("of another environment", e.funcConfigs(env2, function1, function2), []cloud.SealedConfig{elsewhere})
}

func (e *exam) removed(key cloud.EnvironmentKey, name string) (string, bool, error) {
	ok, err := e.store.RemoveFunction(e.Context(), key, name, e.rec("remove"))
	return "RemoveFunction", ok, err
}

func (e *exam) created(f cloud.Function) (string, bool, error) {
	f.Sum, f.Owner = "", ""
	ok, err := e.store.CreateFunction(e.Context(), f, e.rec("create"))
	return "CreateFunction", ok, err
}
