package sqlstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

func openRequiring(t *testing.T, address string) *Store {
	t.Helper()
	s, err := OpenPostgres(t.Context(), address, PostgresOptions{RequireStandby: true, slack: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// account makes one.
func account(t *testing.T, s *Store, appid string) error {
	t.Helper()
	return s.Apply(t.Context(), []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: appid}}}, nil)
}

// alone expects a change to be refused for want of a standby, and to be nowhere.
func alone(t *testing.T, s *Store, when, appid string) {
	t.Helper()
	before := s.Alone()
	err := account(t, s, appid)
	unavailable(t, "a change while "+when, err)
	if r, ok := errors.AsType[cloud.Reasoned](err); !ok || !strings.Contains(r.Reason(), "no synchronous standby") {
		t.Errorf("while %s the operator is told %v", when, err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("while %s the store says that it can work: %v", when, err)
	}
	if _, err := s.Account(t.Context(), appid); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("while %s a change that was refused is there: %v", when, err)
	}
	if s.Alone() != before+2 {
		t.Errorf("while %s %d are counted", when, s.Alone()-before)
	}
}

// TestRequireStandby takes away, in each way there is, what makes a COMMIT wait
// for a standby. Postgres commits then, and warns nobody; the store refuses.
//
// Proves: EN-13
func TestRequireStandby(t *testing.T) {
	server := testserver.StartPostgres(t)
	address := server.Database()
	s := openRequiring(t, address)
	alone(t, s, "no standby is named", "wx00000000000000a1")
	server.Standby()
	soonMade(t, s, "wx00000000000000a2")
	for _, off := range []string{"off", "local"} {
		alone(t, openRequiring(t, address+"?synchronous_commit="+off), "synchronous_commit is "+off, "wx00000000000000a3")
	}
	for _, on := range []string{"remote_write", "remote_apply"} {
		if err := account(t, openRequiring(t, address+"?synchronous_commit="+on), "wx00000000000000b"+on); err != nil {
			t.Errorf("synchronous_commit is %s: %v", on, err)
		}
	}
	server.Synchronous("")
	for tries, refused := 0, 0; refused < 10; tries++ { // sessions read settings one after the other
		refused++
		if !errors.Is(s.Ping(t.Context()), errAlone) {
			refused = 0
		}
		if tries == 200 {
			t.Fatal("changes are made without a standby")
		}
		time.Sleep(10 * time.Millisecond)
	}
	alone(t, s, "the standby is named no more", "wx00000000000000a4")

	pooler := server.Pooler("transaction") // the test ends here where there is none
	pooled := strings.Replace(address, server.Address(), pooler, 1)
	_, err := OpenPostgres(t.Context(), pooled, PostgresOptions{RequireStandby: true})
	if !errors.Is(err, errLookThroughPooler) {
		t.Errorf("through a pooler: %v", err)
	}
}

// soonMade makes a change once the database has read its settings.
func soonMade(t *testing.T, s *Store, appid string) {
	t.Helper()
	for try := 0; account(t, s, appid) != nil; try++ {
		if try == 100 {
			t.Fatal("a change is refused though there is a standby")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestStandbyTakenAway takes the name of the standby away while a COMMIT waits for
// it: Postgres then ends the waiting, and says that it has committed.
//
// Proves: EN-13
func TestStandbyTakenAway(t *testing.T) {
	server := testserver.StartPostgres(t)
	address := server.Database()
	other := openPostgres(t, address)
	server.Desert()
	s := openRequiring(t, address)
	answer := make(chan error, 1)
	go func() { answer <- account(t, s, "wx00000000000000a1") }()
	query := "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	for waits := 0; waits == 0; {
		if err := other.read(t.Context()).row(query, nil, &waits); err != nil {
			t.Fatal(err)
		}
	}
	server.Synchronous("")
	err := <-answer
	unavailable(t, "a change that no standby has", err)
	if !errors.Is(err, errNotSure) {
		t.Errorf("it was answered %v", err)
	}
	if s.Alone() != 1 {
		t.Errorf("%d are counted", s.Alone())
	}
}
