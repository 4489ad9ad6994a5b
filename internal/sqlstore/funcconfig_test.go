package sqlstore

import (
	"errors"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// TestConfigOfAnother: a server of before removes a function and leaves its
// configuration, which does not count for another of that name.
func TestConfigOfAnother(t *testing.T) {
	s, ctx := open(t, newFile(t)), t.Context()
	const account, env = "wx00000000000000a1", "env-1"
	add := func(at int64) error {
		f := cloud.Function{Account: account, Env: env, Name: "hello", AddedAt: at}
		_, err := s.CreateFunction(ctx, f, cloud.Record{})
		return err
	}
	err := errors.Join(s.Apply(ctx, []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: account, Cloud: true}},
		cloud.AddEnvironment{Account: account, ID: env},
	}, nil), add(1))
	if err != nil {
		t.Fatal(err)
	}
	config := cloud.SealedConfig{Account: account, Env: env, Name: "hello", Kind: 3, Sealed: "x"}
	ok, err := s.PutFuncConfig(ctx, config, cloud.Record{})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, left := range []int{1, 0} {
		if found, err := s.FuncConfigs(ctx, account, env, "hello", "hello"); err != nil || len(found) != left {
			t.Errorf("found %v, %v; want %d", found, err, left)
		}
		world, err := s.WorldFunctions(ctx, cloud.Page{Limit: 10})
		if err != nil || len(world) != 1 || len(world[0].Configs) != left {
			t.Errorf("of the world there is %v, %v; want %d", world, err, left)
		}
		err = s.writer.write(ctx, func(t *tx) error {
			_, err := t.exec("DELETE FROM functions WHERE account = $1", account)
			return err
		})
		if err := errors.Join(err, add(2)); err != nil {
			t.Fatal(err)
		}
	}
}
