package storetest

import (
	"errors"
	"fmt"
	"math"

	"github.com/opentcb/opentcb/internal/cloud"
)

// The accounts, environments and functions of the fixture. Two of each, so
// that a statement that forgets a column of its condition hits the other.
const (
	platform1 = "wx00000000000000c1"
	platform2 = "wx00000000000000c2"
	mini1     = "wx00000000000000a1"
	mini2     = "wx00000000000000a2"
	env1      = "env-one-4f2a1b" // of mini1
	env2      = "env-two-4f2a1b" // of mini1
	env3      = "env-three-77bb" // of mini1
	envOther  = "env-other-77bb" // of mini2
	envBatch  = "env-batch-77bb" // of platform1
	function1 = "first"          // of env1
	function2 = "second"         // of env1
	sum1      = "1111111111111111111111111111111111111111111111111111111111111111"
	sum2      = "2222222222222222222222222222222222222222222222222222222222222222"
)

// someTime is when the exam takes place: Unix milliseconds.
const someTime = 1_790_000_000_000

func ridOf(n int64) string { return fmt.Sprintf("%08x-%08x-%08x", n, n+1, n+2) }

// fixture is what most parts of the exam begin with.
var fixture = []cloud.Change{
	cloud.PutPlatform{Platform: cloud.Platform{AppID: platform1, SecretMAC: "mac-of-c1", FixedTicket: "ticket-of-c1"}},
	cloud.PutPlatform{Platform: cloud.Platform{AppID: platform2, SecretMAC: "mac-of-c2", FixedTicket: "ticket-of-c2"}},
	cloud.PutAccount{Account: cloud.Account{AppID: mini1, Cloud: true}},
	cloud.PutAccount{Account: cloud.Account{AppID: mini2, Cloud: true}},
	cloud.AddEnvironment{Account: mini1, ID: env1, Whitelist: []string{"/wxa/one", "/cgi-bin/*"}},
	cloud.AddEnvironment{Account: mini1, ID: env2, Whitelist: []string{"/wxa/two"}},
	cloud.AddEnvironment{Account: mini1, ID: env3, Whitelist: []string{"/wxa/three"}},
	cloud.AddEnvironment{Account: mini2, ID: envOther, Whitelist: []string{"/wxa/other"}},
	cloud.AddEnvironment{Account: platform1, ID: envBatch, Whitelist: []string{"/wxa/batch"}},
	cloud.PutAuthorization{Platform: platform1, AppID: mini1, Sets: []int{64, 49}, Refresh: token("refresh-of-c1-a1")},
	cloud.PutAuthorization{Platform: platform1, AppID: mini2, Sets: []int{49}, Refresh: token("refresh-of-c1-a2")},
	cloud.PutAuthorization{Platform: platform2, AppID: mini1, Sets: []int{18}, Refresh: token("refresh-of-c2-a1")},
	cloud.PutFunction{Function: fixtureFunction(env1, function1)},
	cloud.PutFunction{Function: fixtureFunction(env1, function2)},
	cloud.PutFunction{Function: fixtureFunction(env2, function1)},
}

// fixtureFunction is a function without an owner, since a world file has none
// to give.
func fixtureFunction(env, name string) cloud.Function {
	return cloud.Function{
		Account: mini1, Env: env, Name: name, OwnerEpoch: 7, Sum: sum1, Size: 1111, Handler: "index.main",
		InstallDependency: true, AddedAt: someTime - 2000, ModifiedAt: someTime - 1000,
	}
}

// ownedFunction is a function with no zero member.
func ownedFunction(name string) cloud.Function {
	return cloud.Function{
		Account: mini1, Env: env1, Name: name, Owner: platform1, OwnerEpoch: 3, Sum: sum2, Size: 2222,
		Handler: "other.main", InstallDependency: true, AddedAt: someTime + 3000, ModifiedAt: someTime + 4000,
	}
}

// apply carries out changes, without records.
func (e *exam) apply(changes ...cloud.Change) {
	e.Helper()
	e.ok("Apply", e.store.Apply(e.Context(), changes, nil))
}

func (e *exam) platform(appid string) cloud.Platform {
	e.Helper()
	p, err := e.store.Platform(e.Context(), appid)
	e.ok("Platform", err)
	return p
}

func (e *exam) authorization(platform, appid string) cloud.Authorization {
	e.Helper()
	a, err := e.store.Authorization(e.Context(), platform, appid)
	e.ok("Authorization", err)
	return a
}

func (e *exam) environment(account, id string) cloud.Environment {
	e.Helper()
	env, err := e.store.Environment(e.Context(), account, id)
	e.ok("Environment "+id, err)
	return env
}

func (e *exam) function(account, env, name string) cloud.Function {
	e.Helper()
	f, err := e.store.Function(e.Context(), account, env, name)
	e.ok("Function", err)
	return f
}

// state is every row that the exam knows of; a row that is not there is nil.
func (e *exam) state() map[string]any {
	e.Helper()
	rows := map[string]any{}
	ctx, s := e.Context(), e.store
	for _, p := range []string{platform1, platform2} {
		e.row(rows, "platform "+p, func() (any, error) { return s.Platform(ctx, p) })
		e.row(rows, "code "+p, func() (any, error) { return s.AuthCode(ctx, p, "code-mac") })
		for _, m := range []string{mini1, mini2} {
			e.row(rows, "authorization "+p+m, func() (any, error) { return s.Authorization(ctx, p, m) })
			e.row(rows, "secret "+p+m, func() (any, error) { return s.CodeSecret(ctx, p, m) })
			for _, mac := range []string{"refresh-of-" + p[len(p)-2:] + "-" + m[len(m)-2:], codeRefresh, "new-refresh"} {
				e.row(rows, "refresh token "+p+m+mac, func() (any, error) { return s.RefreshToken(ctx, p, m, 1, mac) })
			}
		}
	}
	for _, a := range []string{platform1, platform2, mini1, mini2} {
		e.row(rows, "account "+a, func() (any, error) { return s.Account(ctx, a) })
		for _, id := range []string{env1, env2, env3, envOther, envBatch} {
			e.row(rows, "environment "+a+id, func() (any, error) { return s.Environment(ctx, a, id) })
			e.row(rows, "functions "+a+id, func() (any, error) {
				fs, _, err := s.Functions(ctx, a, id, 0, 1000)
				return fs, err
			})
			e.row(rows, "history "+a+id, func() (any, error) { return s.History(ctx, a, id) })
			e.row(rows, "credential epoch "+a+id, func() (any, error) { return s.CredentialEpoch(ctx, a, id) })
			rows["observed "+a+id] = e.observed(a, id, 0)
		}
	}
	rows["admin tokens"] = e.adminTokens()
	rows["refusals"] = e.refusals(0, math.MaxInt64)
	return rows
}

func (e *exam) row(rows map[string]any, name string, read func() (any, error)) {
	e.Helper()
	row, err := read()
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		rows[name] = nil
	case err != nil:
		e.Fatalf("%s: %v", name, err)
	default:
		rows[name] = row
	}
}
