package storetest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Hooks do to a store what its interface cannot. All are needed. The store that
// they are given is one that open or Reopen returned.
type Hooks struct {
	// Reopen closes a store and returns another on the same data, as a restart
	// would.
	Reopen func(t *testing.T, s cloud.Store) cloud.Store
}

// exam is one store under test.
type exam struct {
	*testing.T
	Hooks
	store cloud.Store
	made  atomic.Int64 // records made by rec
}

// Run examines the stores that open returns. It calls open once for every part
// of the exam. Each time open returns an empty store, which it closes with
// t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) cloud.Store, hooks Hooks) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			e := &exam{T: t, Hooks: hooks, store: open(t)}
			e.hold(sum1, sum2)
			if !part.empty {
				e.apply(fixture...)
			}
			part.run(e)
		})
	}
}

var parts = []struct {
	name  string
	run   func(*exam)
	empty bool // begins without the fixture
}{
	{name: "not found", run: notFound, empty: true},
	{name: "platform round trip", run: platformRoundTrip},
	{name: "CR-8 component token swap", run: componentTokenSwap},
	{name: "CR-1 platform voided", run: platformVoided},
	{name: "CR-8 component token contention", run: componentTokenContention},
	{name: "OP-2 account round trip", run: accountRoundTrip},
	{name: "OP-1 account of a platform", run: accountOfPlatform},
	{name: "OP-6 states of accounts", run: accountStates},
	{name: "QU-1 limits round trip", run: limitsRoundTrip},
	{name: "QU-2 counts of servers", run: quotaCounts},
	{name: "QU-3 clears of quotas", run: quotaClears},
	{name: "QU-3 contention of clears", run: quotaClearContention},
	{name: "OP-7 removal of a platform", run: removePlatform},
	{name: "OP-7 removal of a Mini Program", run: removeMiniProgram},
	{name: "OP-7 removal of functions and environments", run: removeEnvironment},
	{name: "OP-7 nothing is put below what is removed", run: removeContention},
	{name: "OP-1 platforms in pages", run: platforms},
	{name: "OP-2 Mini Programs in pages", run: miniPrograms},
	{name: "OP-3 environments in pages", run: environmentViews},
	{name: "OP-4 authorizations in pages", run: authorizationViews},
	{name: "OP-5 functions in pages", run: functionPages},
	{name: "consent round trip", run: consentRoundTrip},
	{name: "CR-9 consent epochs", run: consentEpochs},
	{name: "revoke", run: revoke},
	{name: "CR-9 voided refresh tokens", run: refreshVoided},
	{name: "CR-8 authorizer token swap", run: authorizerTokenSwap},
	{name: "CR-8 authorizer token contention", run: authorizerTokenContention},
	{name: "CR-5 redeem", run: redeem},
	{name: "CR-5 redeem fails and leaves the code", run: redeemLeavesCode},
	{name: "CR-5 redeem contention", run: redeemContention},
	{name: "AI-6 one refresh token a consent", run: consentTokens},
	{name: "AI-6 codes of a consent", run: codesOfConsent},
	{name: "AI-6 consents exchanged at once", run: consentTokenContention},
	{name: "AI-4 refresh tokens kept sealed", run: refreshKept},
	{name: "AI-4 refresh tokens of world files", run: fixedTokens},
	{name: "AI-3 authorizers of a platform", run: authorizers},
	{name: "PU-7 event addresses", run: eventAddresses},
	{name: "PU-8 events of changes", run: eventsOfChanges},
	{name: "PU-8 the end of a Mini Program", run: removedPushes},
	{name: "PU-13 pushes taken, ended, taken over", run: pushLife},
	{name: "PU-11 pushes in order", run: pushOrder},
	{name: "PU-11 pushes contention", run: pushContention},
	{name: "PU-7 tickets", run: ticketPushes},
	{name: "PU-15 prune pushes", run: prunePushes},
	{name: "CO-5 hosts of a consent page", run: consentHosts},
	{name: "CO-3 consent codes", run: consentCodes},
	{name: "CO-4 pre-auth codes used up", run: preAuthUsed},
	{name: "CS-5 code secret", run: codeSecret},
	{name: "CS-6 code secret per pair", run: codeSecretPerPair},
	{name: "UT-4 environment defaults", run: environmentDefaults},
	{name: "UT-5 one switch, own whitelists", run: oneSwitch},
	{name: "UT-6 version", run: version},
	{name: "UT-7 what the last set carried", run: lastSet},
	{name: "UT-8 flip", run: flip},
	{name: "UT-9 contention", run: permissionContention},
	{name: "UT-9 every set in its turn", run: permissionTurns},
	{name: "UT-16 a set is seen once it has returned", run: permissionSeen},
	{name: "history of sets", run: historyOfSets},
	{name: "history of how an environment was made", run: historyOfMaking},
	{name: "history in order", run: historyOrder},
	{name: "history contention", run: historyContention},
	{name: "credential epochs", run: credentialEpochs},
	{name: "credential contention", run: credentialContention},
	{name: "FC-1 configuration of functions", run: funcConfigs},
	{name: "RT-2 marks of what runtimes see", run: runtimeMarks},
	{name: "admin tokens", run: adminTokenLife},
	{name: "admin token contention", run: adminTokenContention},
	{name: "observed sums", run: observedSums},
	{name: "observed since", run: observedSince},
	{name: "observed contention", run: observedContention},
	{name: "function round trip", run: functionRoundTrip},
	{name: "function list", run: functionList},
	{name: "function contention", run: functionContention},
	{name: "UP-6 code is replaced whole", run: codeWhole},
	{name: "UP-6 code replayed", run: codeReplayed},
	{name: "UP-6 never half of a code", run: codeNeverHalf},
	{name: "code is held, used and doomed", run: codeLife},
	{name: "code rows in pages", run: codeRows},
	{name: "code that is not held is not used", run: codeNotHeld},
	{name: "code is doomed or used, never both", run: codeContention},
	{name: "apply", run: applyRoundTrip, empty: true},
	{name: "apply again", run: applyAgain},
	{name: "apply all or nothing", run: applyAllOrNothing},
	{name: "OP-8 the world in pages", run: worldPages},
	{name: "apply stale", run: applyStale},
	{name: "apply switch", run: applySwitch},
	{name: "records round trip", run: recordsRoundTrip},
	{name: "records again", run: recordsAgain},
	{name: "records filter", run: recordsFilter},
	{name: "records in order of time", run: recordsOrder},
	{name: "records over a long time", run: recordsLongTime},
	{name: "records stream and end early", run: recordsEndEarly},
	{name: "records of a change that did not happen", run: recordsOfNothing},
	{name: "refusals round trip", run: refusalsRoundTrip},
	{name: "refusals in order of time", run: refusalsOrder},
	{name: "refusals end early", run: refusalsEndEarly},
	{name: "prune history", run: pruneHistory},
	{name: "prune observed", run: pruneObserved},
	{name: "prune old refusals", run: pruneOldRefusals},
	{name: "prune beside changes", run: pruneBeside},
	{name: "reopened", run: reopened},
	{name: "cancelled", run: cancelled},
	{name: "ping", run: ping},
	{name: "closed", run: closed},
	{name: "close answers what is under way", run: closeUnderWay},
}

// same wants two values to be equal in every member.
func (e *exam) same(what string, got, want any) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// unchanged wants the rows to be as they were, and names those that are not.
func (e *exam) unchanged(what string, before map[string]any) {
	e.Helper()
	now := e.state()
	for name, row := range before {
		e.same(name+" after "+what, now[name], row)
	}
}

func (e *exam) fails(what string, err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// ok wants no error.
func (e *exam) ok(what string, err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("%s: %v", what, err)
	}
}

// is wants a verb that reports whether it hit to have reported want.
func (e *exam) is(want bool) func(what string, got bool, err error) {
	return func(what string, got bool, err error) {
		e.Helper()
		if err != nil || got != want {
			e.Errorf("%s: %t, %v; want %t", what, got, err, want)
		}
	}
}

// rec returns a record for a change. No two are the same, and none has a zero
// member.
func (e *exam) rec(action string) cloud.Record {
	n := e.made.Add(1)
	return cloud.Record{
		At: someTime + n, RID: ridOf(n), Operator: true, By: "token:of-" + action, Platform: platform1, AppID: mini1,
		Action: action, Target: "target of " + action, Code: 40097, Detail: "detail of " + action,
	}
}

// all chooses every record.
var all = cloud.RecordFilter{}

func (e *exam) records(f cloud.RecordFilter) []cloud.Record {
	e.Helper()
	var recs []cloud.Record
	e.ok("Records", e.store.Records(e.Context(), f, func(r cloud.Record) error {
		recs = append(recs, r)
		return nil
	}))
	return recs
}

// wrote wants a record to be there exactly once, every member as given.
func (e *exam) wrote(rec cloud.Record) {
	e.Helper()
	if n := e.count(rec); n != 1 {
		e.Errorf("the record of %s is there %d times, want once", rec.Action, n)
	}
}

// wroteNot wants a record not to be there.
func (e *exam) wroteNot(rec cloud.Record) {
	e.Helper()
	if n := e.count(rec); n != 0 {
		e.Errorf("the record of %s is there %d times, though nothing changed", rec.Action, n)
	}
}

func (e *exam) count(rec cloud.Record) int {
	e.Helper()
	n := 0
	for _, r := range e.records(all) {
		if r.RID == rec.RID {
			e.same("record of "+rec.Action, r, rec)
			n++
		}
	}
	return n
}

// crowd is how many call a store at once.
const crowd = 64

// together runs do in a crowd of goroutines, which begin at the same moment, and
// returns how many of them returned true.
func (e *exam) together(do func(i int) (bool, error)) int {
	e.Helper()
	var yes atomic.Int64
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range crowd {
		wg.Go(func() {
			<-begin
			ok, err := do(i)
			if err != nil {
				e.Errorf("goroutine %d: %v", i, err)
			}
			if ok {
				yes.Add(1)
			}
		})
	}
	close(begin)
	wg.Wait()
	return int(yes.Load())
}

// retry runs a swap until it hits, or the part ends.
func retry(ctx context.Context, swap func() (bool, error)) (bool, error) {
	for ctx.Err() == nil {
		if ok, err := swap(); ok || err != nil {
			return ok, err
		}
	}
	return false, ctx.Err()
}
