package sqlstore

import (
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

const (
	histAccount = "wx00000000000000a1"
	histEnv     = "env-one-4f2a1b"
)

// withEnvironment adds an account with one environment.
func withEnvironment(t *testing.T, s *Store) {
	t.Helper()
	err := s.Apply(t.Context(), []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: histAccount, Cloud: true}},
		cloud.AddEnvironment{Account: histAccount, ID: histEnv, Whitelist: []string{"/wxa/one"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func setList(t *testing.T, s *Store, version int64, entry string) error {
	t.Helper()
	set := cloud.PermissionSet{
		Account: histAccount, Env: histEnv, Open: true, Whitelist: []string{entry}, Version: version,
	}
	res, err := s.SetPermission(t.Context(), set, cloud.Record{At: 7, RID: "rid", Action: "set"})
	if err == nil && !res.Accepted {
		t.Errorf("set of version %d was refused by %+v", version, res.Current)
	}
	return err
}

// stands wants the environment to be as its making left it, but for the
// version, and so many changes in its history and audit records.
func stands(t *testing.T, s *Store, version int64, changes, records int) {
	t.Helper()
	env, err := s.Environment(t.Context(), histAccount, histEnv)
	if err != nil || env.Version != version {
		t.Errorf("%+v, %v; want version %d", env, err, version)
	}
	history, err := s.History(t.Context(), histAccount, histEnv)
	if err != nil || len(history) != changes {
		t.Errorf("%d changes in the history, %v; want %d", len(history), err, changes)
	}
	n := 0
	err = s.Records(t.Context(), cloud.RecordFilter{}, func(cloud.Record) error { n++; return nil })
	if err != nil || n != records {
		t.Errorf("%d audit records, %v; want %d", n, err, records)
	}
}

// A set whose history cannot be written does not happen.
func TestNoSetWithoutHistory(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	withEnvironment(t, s)
	execRaw(t, file, "ALTER TABLE permission_history RENAME TO away")
	if err := setList(t, s, 2, "/wxa/two"); err == nil {
		t.Error("a set was answered with success though its history could not be written")
	}
	execRaw(t, file, "ALTER TABLE away RENAME TO permission_history")
	stands(t, s, 2, 1, 0)
	if err := setList(t, s, 2, "/wxa/two"); err != nil {
		t.Error(err)
	}
	stands(t, s, 4, 2, 1)
}

// An environment that was made before there was a history has one from its
// next set on.
func TestHistoryAfterUpgrade(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	withEnvironment(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	undo(t, file, 9, 9)
	s = open(t, file)
	stands(t, s, 2, 0, 0)
	if err := s.RevokeCredentials(t.Context(), histAccount, histEnv, cloud.Record{At: 1}); err != nil {
		t.Error(err)
	}
	if err := setList(t, s, 2, "/wxa/two"); err != nil {
		t.Error(err)
	}
	stands(t, s, 4, 1, 2)
}

// On a full disk, what was to be written together is not there in part.
func TestDiskFullLeavesNoPart(t *testing.T) {
	s := open(t, newFile(t))
	withEnvironment(t, s)
	long := strings.Repeat("x", 1<<20)
	counts := []cloud.Observed{
		{Account: histAccount, Env: histEnv, Path: "/wxa/one", Count: 1},
		{Account: histAccount, Env: histEnv, Path: long, Count: 1},
	}
	recs := []cloud.Record{{At: 1, Action: "first"}, {At: 100_000, Action: "another batch", Detail: long}}

	pragma(t, s, "max_page_count = 1") // no more than there are
	unavailable(t, "a set", setList(t, s, 2, "/"+long))
	unavailable(t, "AddObserved", s.AddObserved(t.Context(), counts))
	unavailable(t, "AppendRefusals", s.AppendRefusals(t.Context(), recs))
	stands(t, s, 2, 1, 0)
	if got := observedAndRefused(t, s); got != [2]int{} {
		t.Errorf("%d counts and %d refusals, want none", got[0], got[1])
	}

	pragma(t, s, "max_page_count = 100000")
	if err := setList(t, s, 2, "/"+long); err != nil {
		t.Error(err)
	}
	if err := s.AddObserved(t.Context(), counts); err != nil {
		t.Error(err)
	}
	if err := s.AppendRefusals(t.Context(), recs); err != nil {
		t.Error(err)
	}
	stands(t, s, 4, 2, 1)
	if got := observedAndRefused(t, s); got != [2]int{2, 2} {
		t.Errorf("%d counts and %d refusals, want 2 of each", got[0], got[1])
	}
}

func observedAndRefused(t *testing.T, s *Store) (n [2]int) {
	t.Helper()
	counts, err := s.Observed(t.Context(), histAccount, histEnv, 0)
	if err != nil {
		t.Error(err)
	}
	n[0] = len(counts)
	if err := s.Refusals(t.Context(), 0, 1_000_000, func(cloud.Record) error { n[1]++; return nil }); err != nil {
		t.Error(err)
	}
	return n
}
