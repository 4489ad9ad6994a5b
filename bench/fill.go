package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// Where a data folder keeps what, as `opentcb serve --data` has it.
const (
	databaseFile  = "opentcb.db"
	masterKeyFile = "master-key"
	codeFolder    = "code"
)

const (
	benchPlatform = "wxc100000000000000"
	benchFunction = "code"
	filledAtOnce  = 2_000  // Mini Programs in one transaction
	withFunction  = 10_000 // Mini Programs that have benchFunction, at most
	tokensAtOnce  = 256    // as many as the store commits together
	withCalls     = 1_000  // environments that make cloud calls, at most
)

func benchAppID(i int) string { return fmt.Sprintf("wx%016x", i) }
func benchEnv(i int) string   { return fmt.Sprintf("bench-%07d", i) }

// benchRefresh is the fixed refresh token of a Mini Program's authorization.
func benchRefresh(i int) string { return fmt.Sprintf("refreshtoken@@@bench-%d", i) }

// folder is an open data folder.
type folder struct {
	ring  *seal.Ring
	store *sqlstore.Store
	blobs *blob.Dir
}

// openFolder opens a data folder as the server does, and makes it if it is not
// there.
func openFolder(ctx context.Context, dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ring, err := openRing(filepath.Join(dir, masterKeyFile))
	if err != nil {
		return nil, err
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, codeFolder), blob.Config{})
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.OpenSQLite(ctx, filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, errors.Join(err, blobs.Close())
	}
	f := &folder{ring, store, blobs}
	if err := store.BindKey(ctx, ring.KeyID()); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func openRing(path string) (*seal.Ring, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text = []byte(seal.FormatMasterKey(seal.NewMasterKey()))
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return nil, err
	}
	key, err := seal.ParseMasterKey(text)
	if err != nil {
		return nil, err
	}
	return seal.NewRing(key)
}

func (f *folder) close() error { return errors.Join(f.store.Close(), f.blobs.Close()) }

// fill makes a data folder with n Mini Programs, each with one environment and
// an authorization of one platform with the permission set 49; the first of
// them with a function that this platform uploaded, the very first also with
// largeFunction.
func fill(ctx context.Context, dir string, n int) error {
	f, err := openFolder(ctx, dir)
	if err != nil {
		return err
	}
	small, err := f.addCode(ctx, 64<<10)
	if err != nil {
		return errors.Join(err, f.close())
	}
	changes := []cloud.Change{cloud.PutPlatform{Platform: cloud.Platform{
		AppID: benchPlatform, SecretMAC: f.ring.MAC("appsecret", []string{benchPlatform}, "bench"),
	}}}
	for i := range n {
		changes = f.miniProgram(changes, i, small)
		if (i+1)%filledAtOnce == 0 || i == n-1 {
			if err := f.store.Apply(ctx, changes, nil); err != nil {
				return errors.Join(err, f.close())
			}
			changes = changes[:0]
		}
	}
	large, err := f.addCode(ctx, largeZip)
	if err == nil {
		large.Account, large.Env, large.Name = benchAppID(0), benchEnv(0), largeFunction
		err = f.store.Apply(ctx, []cloud.Change{cloud.PutFunction{Function: large}}, nil)
	}
	return errors.Join(err, f.close())
}

// miniProgram appends what makes the i-th Mini Program. The MAC's purpose is
// that of package cloud: another one shows in makeTargets.
func (f *folder) miniProgram(changes []cloud.Change, i int, code cloud.Function) []cloud.Change {
	appid, env := benchAppID(i), benchEnv(i)
	mac := f.ring.MAC("refreshtoken", []string{benchPlatform, appid}, benchRefresh(i))
	changes = append(changes,
		cloud.PutAccount{Account: cloud.Account{AppID: appid, Cloud: true}},
		cloud.AddEnvironment{Account: appid, ID: env, Whitelist: []string{"/wxa/msg_sec_check"}},
		cloud.PutAuthorization{Platform: benchPlatform, AppID: appid, Sets: []int{49}, Refresh: cloud.RefreshToken{MAC: mac}},
	)
	if i < withFunction {
		code.Account, code.Env, code.Name = appid, env, benchFunction
		changes = append(changes, cloud.PutFunction{Function: code})
	}
	return changes
}

// addCode stores a zip of about that size and returns a function that has it.
func (f *folder) addCode(ctx context.Context, size int64) (cloud.Function, error) {
	draft, err := f.blobs.Create(ctx)
	if err != nil {
		return cloud.Function{}, err
	}
	defer draft.Discard()
	if err := writeZip(draft, size); err != nil {
		return cloud.Function{}, err
	}
	if err := f.store.HoldCode(ctx, draft.Sum().String(), 1); err != nil {
		return cloud.Function{}, err
	}
	return cloud.Function{
		Owner: benchPlatform, Handler: "index.main", Sum: draft.Sum().String(), Size: draft.Size(), AddedAt: 1, ModifiedAt: 1,
	}, draft.Commit(ctx)
}

// makeTargets issues a fresh access token for each of the n Mini Programs of a
// data folder, by the rules of package cloud and under the folder's master key.
// No server may have the folder open: it would not see the issue times. calls
// are the first environments with a cloudbase_access_token each, which is good
// for half an hour.
func makeTargets(ctx context.Context, dir string, n int) (targets, calls []target, err error) {
	f, err := openFolder(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	service := cloud.New(cloud.Config{Store: f.store, Blobs: f.blobs, Ring: f.ring})
	targets = make([]target, n)
	var next atomic.Int64
	faults := make([]error, tokensAtOnce)
	var workers sync.WaitGroup
	for w := range faults {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && faults[w] == nil; i = int(next.Add(1)) - 1 {
				targets[i], faults[w] = issue(ctx, service, i)
			}
		})
	}
	workers.Wait()
	for i := range min(n, withCalls) {
		token, err := service.CloudbaseToken(ctx, service.OperatorCaller("bench"), benchEnv(i))
		faults = append(faults, err)
		calls = append(calls, target{Token: token.Value, Env: benchEnv(i)})
	}
	return targets, calls, errors.Join(errors.Join(faults...), service.Close(), f.close())
}

func issue(ctx context.Context, service *cloud.Service, i int) (target, error) {
	platform := cloud.Caller{Platform: benchPlatform, RID: "bench", Now: time.Now().UnixMilli()}
	grant, err := service.RefreshAuthorizerToken(ctx, platform, benchPlatform, benchAppID(i), benchRefresh(i))
	t := target{Token: grant.AccessToken.Value, Env: benchEnv(i)}
	if i < withFunction {
		t.Function = benchFunction
	}
	return t, err
}
