package sqlstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// The rows of these tests.
const (
	mini     = "wx00000000000000a1"
	platform = "wx00000000000000c1"
	sumOne   = "1111111111111111111111111111111111111111111111111111111111111111"
	sumTwo   = "2222222222222222222222222222222222222222222222222222222222222222"
)

// everyStore runs a test on each database, opened and without rows.
func everyStore(t *testing.T, test func(t *testing.T, s *Store, reopen func() *Store)) {
	t.Run("SQLite", func(t *testing.T) {
		file := newFile(t)
		test(t, open(t, file), func() *Store { return open(t, file) })
	})
	t.Run("Postgres", func(t *testing.T) {
		address := testserver.PostgresURL(t)
		test(t, openPostgres(t, address), func() *Store { return openPostgres(t, address) })
	})
}

// fill gives a store a row of each kind that grants something, and another.
func fill(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	for _, sum := range []string{sumOne, sumTwo} {
		must(t, s.HoldCode(ctx, sum, 1))
	}
	function := cloud.Function{Account: mini, Env: "env-1", Name: "one"}
	must(t, s.Apply(ctx, []cloud.Change{
		cloud.PutPlatform{Platform: cloud.Platform{AppID: platform}},
		cloud.PutAccount{Account: cloud.Account{AppID: mini, Cloud: true}},
		cloud.AddEnvironment{Account: mini, ID: "env-1", Whitelist: []string{"/wxa/one"}},
		cloud.AddEnvironment{Account: mini, ID: "env-2", Whitelist: []string{"/*"}},
		cloud.PutFunction{Function: function},
	}, nil))
	function.Owner, function.Sum = platform, sumOne
	if ok, err := s.PutCode(ctx, function, cloud.Record{At: 2}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	must(t, s.Consent(ctx, consentOf("code", 1<<40, 18), cloud.Record{At: 3}))
	a, err := s.Account(ctx, platform)
	must(t, err)
	must(t, s.SetRuntime(ctx, mini, "env-1", "http://runtime", cloud.Record{At: 4}))
	must(t, s.SetRuntime(ctx, mini, "env-2", "http://other", cloud.Record{At: 4}))
	limits := cloud.Limits{Quotas: cloud.Quotas{All: cloud.Quota{Day: 5}}, CountedFrom: 4}
	change := cloud.AccountChange{Old: &a, New: a, Sets: []int{18}, Limits: limits, Hosts: []string{"one.example"}}
	must(t, s.ChangeAccount(ctx, change, cloud.Record{At: 4}))
	consent := cloud.ConsentCode{AppID: mini, MAC: "consent", ID: "id", ExpiresAt: 9}
	must(t, s.AddConsentCode(ctx, consent, cloud.Record{At: 5}))
}

// consentOf is a consent of the Mini Program with a code, and a refresh token named
// after it.
func consentOf(code string, ends int64, set int) cloud.Consent {
	return cloud.Consent{
		Platform: platform, AppID: mini, Sets: []int{set}, Refresh: cloud.RefreshToken{MAC: "refresh-" + code, Sealed: "sealed"},
		Code: cloud.AuthCode{
			Platform: platform, AppID: mini, CodeMAC: code, ExpiresAt: ends, RefreshMAC: "refresh-" + code,
		},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// meddle runs a statement as somebody else would, or a server of before: it
// knows nothing of MACs.
func meddle(t *testing.T, s *Store, query string) {
	t.Helper()
	must(t, s.writer.write(t.Context(), func(t *tx) error { return t.one(query) }))
}

// readAll reads one row of each kind, and returns the errors by table.
func readAll(ctx context.Context, s *Store) map[string]error {
	_, list := s.Environment(ctx, mini, "env-1")
	_, function := s.Function(ctx, mini, "env-1", "one")
	_, _, functions := s.Functions(ctx, mini, "env-1", 0, 10)
	_, authorization := s.Authorization(ctx, platform, mini)
	_, code := s.AuthCode(ctx, platform, "code")
	_, refresh := s.RefreshToken(ctx, platform, mini, 3, "refresh-code")
	_, hosts := s.ConsentHosts(ctx, platform)
	_, consent := s.ConsentCode(ctx, mini, "consent")
	_, sets := s.PlatformSets(ctx, platform)
	_, limits := s.Platform(ctx, platform)
	_, account := s.Account(ctx, mini)
	_, credential := s.CredentialEpoch(ctx, mini, "env-1")
	return map[string]error{
		"environments": list, "accounts": account, "platform_sets": sets, "functions": function, "lists of functions": functions,
		"authorizations": authorization, "auth_codes": code, "env_credentials": credential, "refresh_tokens": refresh,
		"platform_limits": limits, "platform_hosts": hosts, "consent_codes": consent,
	}
}

// altered are what makes a row grant something else, by table.
var altered = map[string][]string{
	"accounts": {
		"UPDATE accounts SET open = NOT open WHERE appid = '" + mini + "'",
		"UPDATE accounts SET disabled = 1 - disabled WHERE appid = '" + mini + "'",
		"UPDATE accounts SET disabled = 1 - disabled WHERE appid = '" + mini + "'", // and back
	},
	"platform_limits": {
		`UPDATE platform_limits SET quotas = '{"all":{"day":500}}'`,
		`UPDATE platform_limits SET ip_whitelist = '["192.0.2.7"]'`,
		`UPDATE platform_limits SET mac = ''`,
	},
	"platform_sets": {"UPDATE platform_sets SET sets = '[18,49]'"},
	"env_credentials": {
		"UPDATE env_credentials SET epoch = epoch - 1 WHERE env = 'env-1'",
		"UPDATE env_credentials SET mac = (SELECT mac FROM env_credentials WHERE env = 'env-2') WHERE env = 'env-1'",
	},
	"env_runtimes": {
		"UPDATE env_runtimes SET runtime = 'http://evil' WHERE env = 'env-1'",
		"UPDATE env_runtimes SET mac = '' WHERE env = 'env-1'",
	},
	"environments": {
		`UPDATE environments SET api_whitelist = '["/wxa/onf"]' WHERE id = 'env-1'`,
		`UPDATE environments SET mac = '' WHERE id = 'env-1'`,
		`UPDATE environments SET api_whitelist = (SELECT api_whitelist FROM environments WHERE id = 'env-2'),
			mac = (SELECT mac FROM environments WHERE id = 'env-2') WHERE id = 'env-1'`,
	},
	"functions": {
		"UPDATE functions SET owner = 'wx00000000000000c2' WHERE name = 'one'",
		"UPDATE functions SET owner_epoch = owner_epoch + 1 WHERE name = 'one'",
		"UPDATE functions SET sum = '" + sumTwo + "' WHERE name = 'one'",
	},
	"authorizations": {
		"UPDATE authorizations SET in_force = NOT in_force WHERE appid = '" + mini + "'",
		"UPDATE authorizations SET epoch = epoch - 1 WHERE appid = '" + mini + "'",
		"UPDATE authorizations SET sets = '[18,49]' WHERE appid = '" + mini + "'",
		"UPDATE authorizations SET refresh_mac = 'another' WHERE appid = '" + mini + "'",
	},
	"refresh_tokens": {
		"UPDATE refresh_tokens SET place = place + 1",
		"UPDATE refresh_tokens SET since = 0",
		"UPDATE refresh_tokens SET epoch = 3, since = 9",
	},
	"platform_hosts": {`UPDATE platform_hosts SET hosts = '["evil.example"]'`},
	"consent_codes":  {"UPDATE consent_codes SET expires_at = 0"},
	"auth_codes": {
		"UPDATE auth_codes SET appid = 'wx00000000000000a2' WHERE code_mac = 'code'",
		"UPDATE auth_codes SET epoch = epoch + 1 WHERE code_mac = 'code'",
		"UPDATE auth_codes SET expires_at = expires_at + 1 WHERE code_mac = 'code'",
	},
}

// A row that grants something is refused if no server has written it as it is.
func TestAlteredRowsAreRefused(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		vouching(t, s)
		fill(t, s)
		for what, err := range readAll(t.Context(), s) {
			if err != nil {
				t.Errorf("%s as written: %v", what, err)
			}
		}
		for table, statements := range altered {
			for _, text := range statements {
				meddle(t, s, text)
				for what, err := range readAll(t.Context(), s) {
					mine := strings.HasSuffix(what, table) ||
						table == "accounts" && (what == "environments" || what == "authorizations") || // which show its state
						(table == "env_credentials" || table == "env_runtimes") && what == "environments"
					if mine != errors.Is(err, cloud.ErrAltered) {
						t.Errorf("%s\n\tthen %s: %v", text, what, err)
					}
				}
				var found []string
				must(t, s.CheckRows(t.Context(), func(what string) error { found = append(found, what); return nil }))
				if len(found) != 1 || !strings.Contains(found[0], table) || strings.Contains(found[0], "code_mac") {
					t.Errorf("%s\n\tis found as %q", text, found)
				}
				// The operator, who has looked at it, vouches for it.
				if on, n, err := s.Guard(t.Context(), testVoucher{}, VouchAgain); !on || n != 1 || err != nil {
					t.Fatalf("vouched for %d rows, %t, %v", n, on, err)
				}
			}
		}
	})
}

// TestLaterMembers: a row whose later members are zero has the MAC that it had
// before there were these.
func TestLaterMembers(t *testing.T) {
	before := string(grantedSwitch.text([]any{mini, true}))
	if now := string(grantedSwitch.text([]any{mini, true, int64(cloud.InUse)})); now != before {
		t.Errorf("of an account in use %q is vouched for, and was %q", now, before)
	}
	if now := string(grantedSwitch.text([]any{mini, true, int64(cloud.Disabled)})); now == before {
		t.Error("that an account is disabled is not vouched for")
	}
}

// A change builds on no row that was altered: it would vouch for the rest of it.
func TestNoChangeBuildsOnAlteredRows(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		vouching(t, s)
		fill(t, s)
		ctx, rec := t.Context(), cloud.Record{At: 4}
		meddle(t, s, "UPDATE functions SET owner_epoch = 70")
		f := cloud.Function{Account: mini, Env: "env-1", Name: "one", Owner: platform, Sum: sumTwo}
		if _, err := s.PutCode(ctx, f, rec); !errors.Is(err, cloud.ErrAltered) {
			t.Errorf("PutCode: %v", err)
		}
		meddle(t, s, "UPDATE accounts SET disabled = 1 WHERE appid = '"+mini+"'")
		set := cloud.PermissionSet{Account: mini, Env: "env-1", Version: cloud.FirstVersion}
		if _, err := s.SetPermission(ctx, set, rec); !errors.Is(err, cloud.ErrAltered) {
			t.Errorf("SetPermission that flips the switch: %v", err)
		}
		row := cloud.Account{AppID: mini, Cloud: true, State: cloud.Disabled}
		if err := s.ChangeAccount(ctx, cloud.AccountChange{Old: &row, New: row}, rec); !errors.Is(err, cloud.ErrAltered) {
			t.Errorf("ChangeAccount: %v", err)
		}
		meddle(t, s, "UPDATE authorizations SET epoch = 70")
		if err := s.Consent(ctx, consentOf("next", 1<<40, 18), rec); !errors.Is(err, cloud.ErrAltered) {
			t.Errorf("Consent: %v", err)
		}
		if ok, err := s.Revoke(ctx, platform, mini, rec); !ok || err != nil {
			t.Errorf("what takes something away goes on: %t, %v", ok, err)
		}
	})
}

// TestServersOfBefore: servers of two versions run side by side during an
// upgrade. What the earlier ones write has no right MAC and counts, until the
// operator says that none of them is left.
func TestServersOfBefore(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, reopen func() *Store) {
		fill(t, s) // without a guard, as a server of before
		guard := func(which Vouching) (*Store, bool, int64) {
			next := reopen()
			on, n, err := next.Guard(t.Context(), testVoucher{}, which)
			must(t, err)
			return next, on, n
		}
		wantAll := func(what string, s *Store, want error) {
			t.Helper()
			for table, err := range readAll(t.Context(), s) {
				if !errors.Is(err, want) {
					t.Errorf("%s, %s: %v, want %v", what, table, err, want)
				}
			}
		}
		beside, on, n := guard(VouchNone)
		if on || n != 0 {
			t.Errorf("beside a server of before: enforced %t, %d vouched for", on, n)
		}
		wantAll("beside", beside, nil)
		set := cloud.PermissionSet{Account: mini, Env: "env-1", Version: cloud.FirstVersion, Open: true}
		if res, err := beside.SetPermission(t.Context(), set, cloud.Record{At: 5}); !res.Accepted || err != nil {
			t.Fatal(res, err)
		}
		meddle(t, s, altered["environments"][0]) // the other server's set leaves the MAC
		wantAll("after a set of the other", beside, nil)

		last, on, n := guard(VouchAgain)
		if !on || n < 5 {
			t.Errorf("once none is left: enforced %t, %d vouched for", on, n)
		}
		wantAll("once none is left", last, nil)
		again, on, n := guard(VouchNone)
		if !on || n != 0 {
			t.Errorf("at a later start: enforced %t, %d vouched for", on, n)
		}
		for _, table := range []string{
			"accounts", "functions", "authorization_macs", "auth_codes", "platform_sets", "platform_limits", "refresh_tokens",
			"platform_hosts", "consent_codes",
		} {
			meddle(t, again, "UPDATE "+table+" SET mac = '' WHERE mac = (SELECT min(mac) FROM "+table+")")
		}
		meddle(t, again, "UPDATE environments SET mac = '' WHERE id = 'env-1'")
		meddle(t, again, "UPDATE env_credentials SET mac = '' WHERE env = 'env-1'")
		for table, err := range readAll(t.Context(), again) {
			if table != "accounts" && !errors.Is(err, cloud.ErrAltered) {
				t.Errorf("a MAC that was removed, %s: %v", table, err)
			}
		}
		if again.Refused() == 0 {
			t.Error("what was refused is not counted")
		}
	})
}

// A database that servers of an earlier era have vouched for: what these vouched for
// is refused if it is altered, and stays so; what they did not know is vouched for once
// none of them is left.
func TestEarlierEra(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, reopen func() *Store) {
		vouching(t, s)
		fill(t, s)
		meddle(t, s, "UPDATE meta SET value = '1' WHERE name = 'rows_vouched'")
		meddle(t, s, "UPDATE env_credentials SET mac = '' WHERE env = 'env-1'")
		meddle(t, s, "UPDATE functions SET owner_epoch = 70")
		guarded := func(what string, which Vouching, wantOn bool, want int64) {
			t.Helper()
			next := reopen()
			on, n, err := next.Guard(t.Context(), testVoucher{}, which)
			if on != wantOn || n != want || err != nil {
				t.Errorf("%s: enforced %t, %d vouched for, %v", what, on, n, err)
			}
			for table, err := range readAll(t.Context(), next) {
				if strings.HasSuffix(table, "functions") != errors.Is(err, cloud.ErrAltered) {
					t.Errorf("%s, %s: %v", what, table, err)
				}
			}
		}
		guarded("beside a server of before", VouchNone, false, 0)
		guarded("once none is left", VouchOnce, true, 1)
		guarded("at a later start", VouchOnce, true, 0)
	})
}

// A database of before, which no other server can use, is vouched for at its
// first start.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, reopen func() *Store) {
		fill(t, s)
		for i := range 2 {
			next := reopen()
			on, n, err := next.Guard(t.Context(), testVoucher{}, VouchOnce)
			if !on || (n > 0) != (i == 0) || err != nil {
				t.Errorf("start %d: enforced %t, %d vouched for, %v", i, on, n, err)
			}
			for what, err := range readAll(t.Context(), next) {
				if err != nil {
					t.Errorf("start %d: %s: %v", i, what, err)
				}
			}
		}
	})
}

// More rows than one change vouches for, at a start that ends before it is through, and
// at the next one.
func TestVouchingInPages(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		var changes []cloud.Change
		for i := range 2*vouchPage + 7 {
			appid := "wx" + strings.Repeat("0", 12) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) +
				string(rune('a'+i/676))
			changes = append(changes, cloud.PutAccount{Account: cloud.Account{AppID: appid, Cloud: true}})
		}
		must(t, s.Apply(t.Context(), changes, nil))
		ctx, end := context.WithCancel(t.Context())
		on, n, err := s.Guard(ctx, endingVoucher{end: end}, VouchOnce)
		if on || n != vouchPage || !errors.Is(err, context.Canceled) {
			t.Errorf("ended: enforced %t, %d vouched for, %v", on, n, err)
		}
		on, n, err = s.Guard(t.Context(), testVoucher{}, VouchOnce)
		if !on || n != vouchPage+7 || err != nil {
			t.Errorf("enforced %t, %d of %d vouched for, %v", on, n, len(changes), err)
		}
		must(t, s.CheckRows(t.Context(), func(what string) error { t.Error(what); return nil }))
	})
}

// endingVoucher ends a start as soon as it vouches for a row.
type endingVoucher struct {
	testVoucher
	end func()
}

func (v endingVoucher) Vouch(text []byte) string {
	v.end()
	return v.testVoucher.Vouch(text)
}

// A row that is changed while others are vouched for keeps the MAC that the change made.
func TestChangedWhileVouching(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		must(t, s.Apply(t.Context(), []cloud.Change{
			cloud.PutAccount{Account: cloud.Account{AppID: mini}}, cloud.PutAccount{Account: cloud.Account{AppID: platform}},
		}, nil))
		change := sync.OnceFunc(func() {
			meddle(t, s, "UPDATE accounts SET disabled = 1, mac = 'its own' WHERE appid = '"+mini+"'")
		})
		_, n, err := s.Guard(t.Context(), changingVoucher{change: change}, VouchOnce)
		var mac string
		must(t, s.read(t.Context()).row("SELECT mac FROM accounts WHERE appid = $1", []any{mini}, &mac))
		if n != 1 || err != nil || mac != "its own" {
			t.Errorf("%d vouched for, %v; the MAC is %q", n, err, mac)
		}
	})
}

// changingVoucher has a row changed once it was read.
type changingVoucher struct {
	testVoucher
	change func()
}

func (v changingVoucher) CheckVouch(text []byte, vouched string) error {
	v.change()
	return v.testVoucher.CheckVouch(text, vouched)
}

// What SQLite itself finds damaged is told with the rows.
func TestDamagedDatabaseIsFound(t *testing.T) {
	file := newFile(t)
	must(t, open(t, file).Close())
	execRaw(t, file, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'functions_sum'")
	s := vouching(t, open(t, file))
	var found []string
	must(t, s.CheckRows(t.Context(), func(what string) error { found = append(found, what); return nil }))
	if len(found) == 0 || !strings.Contains(found[0], "the database file: ") {
		t.Errorf("found %q", found)
	}
}
