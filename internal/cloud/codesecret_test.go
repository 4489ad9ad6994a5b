package cloud_test

import (
	"encoding/base64"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (r *rig) codeSecret(c cloud.Caller) string {
	r.Helper()
	secret, err := r.cloud.CodeSecret(r.Context(), c)
	r.ok("CodeSecret", err)
	r.keep(secret)
	return secret
}

// CS-3, CS-4, CS-6: 64 characters, one key per platform and Mini Program, the
// same at every call and after a restart.
func TestCodeSecretPerPair(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pairs := []cloud.Caller{r.caller(platform1, mini1), r.caller(platform1, mini2), r.caller(platform2, mini1)}
	keys := map[string]bool{}
	for _, c := range pairs {
		key := r.codeSecret(c)
		if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 48 || len(key) != 64 {
			t.Errorf("key of %d characters: %v", len(key), err)
		}
		if r.codeSecret(c) != key {
			t.Error("the second call gets another key")
		}
		restarted := cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
		if again, err := restarted.CodeSecret(t.Context(), c); err != nil || again != key {
			t.Errorf("after a restart: another key, or %v", err)
		}
		r.ok("Close", restarted.Close())
		keys[key] = true
	}
	if len(keys) != len(pairs) {
		t.Errorf("%d keys for %d pairs", len(keys), len(pairs))
	}
}

// CS-5: first calls at once, on two servers of one store, get one key, which
// is recorded as made once.
func TestCodeSecretAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	second := cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
	keys := make([]string, 64)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = []*cloud.Service{r.cloud, second}[i%2].CodeSecret(r.Context(), c); err != nil {
				r.Error(err)
			}
		})
	}
	wg.Wait()
	r.ok("Close", second.Close())
	for _, key := range keys {
		if key == "" || key != keys[0] {
			t.Fatal("two first calls got different keys")
		}
	}
	made := 0
	recs := r.records("getcodesecret")
	for _, rec := range recs {
		if rec.Detail != "" {
			made++
		}
	}
	if made != 1 || len(recs) != len(keys) {
		t.Errorf("%d records, %d of a key made; want %d and 1", len(recs), made, len(keys))
	}
}

// CS-7: the key outlives the authorization, and is the same when it is given
// again.
func TestCodeSecretAfterCancellation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.codeSecret(r.caller(platform1, mini1))
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	if again := r.codeSecret(r.caller(platform1, mini1)); again != key {
		t.Error("another key after the authorization was given again")
	}
}

// A key that was moved to another row, or altered, does not open: no wrong key
// is ever given out.
func TestCodeSecretOfAnotherRow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.codeSecret(c)
	r.grant(platform2, mini1, 49)
	sealed, err := r.store.CodeSecret(t.Context(), platform1, mini1)
	r.ok("CodeSecret", err)
	_, err = r.store.AddCodeSecret(t.Context(), platform2, mini1, sealed, cloud.Record{At: 1, Action: "moved"})
	r.ok("AddCodeSecret", err)
	_, err = r.cloud.CodeSecret(t.Context(), r.caller(platform2, mini1))
	r.refused("a key of another row", err, cloud.Internal)
}
