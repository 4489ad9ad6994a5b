package cloud_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// everything does each thing that is to be recorded, some of them refused.
func (r *rig) everything() {
	ctx := r.Context()
	_, err := r.cloud.CreatePreAuthCode(ctx, r.component(platform1), platform1)
	r.ok("CreatePreAuthCode", err)
	g := r.grant(platform1, mini1, 49)
	c := r.authenticated(r.refresh(g))
	r.codeSecret(c)
	r.codeSecret(c)
	r.ok("set", r.cloud.SetPermission(ctx, c, env1, false, []string{"/a", "/b"}, 2))
	r.ok("set repeated", r.cloud.SetPermission(ctx, c, env1, false, []string{"/a", "/b"}, 2))
	r.refused("set", r.cloud.SetPermission(ctx, c, env1, true, nil, 1), cloud.InvalidArgs)
	_, err = r.cloud.Permission(ctx, c, env1)
	r.ok("get", err)
	_, err = r.cloud.Permission(ctx, c, envOther)
	r.refused("get", err, cloud.InvalidArgs)
	r.create(c, "first")
	_, err = r.cloud.UploadSignature(ctx, c, somePayload, someHeaders)
	r.ok("UploadSignature", err)
	r.ok("upload", r.upload(c, "first", "protected"))
	r.follow(r.link(c))
	_, err = r.cloud.DownloadFunction(ctx, c, env1, "nowhere")
	r.refused("download", err, cloud.FunctionNotFound)
	r.deploy("first", "the merchant's own")
	r.refused("code", r.cloud.Refuse(c, "getcodesecret", &cloud.Error{Kind: cloud.MissingPermission}), cloud.MissingPermission)
	r.ok("Revoke", r.cloud.Revoke(ctx, r.operator(), platform1, mini1))
	r.adminToken("ci", cloud.RoleAuditor, 0)
	r.ok("RevokeAdminToken", r.cloud.RevokeAdminToken(ctx, r.operator(), "ci"))
}

// Every decision on the three interfaces, every credential issued and every
// change by the operator is recorded: by whom, on what, with which outcome.
func TestEverythingIsRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.everything()
	type entry struct {
		who, action, target string
		code                tcb.Code
		detail              string
	}
	mini := platform1 + "/" + mini1
	sum := sumOf(zipOf(t, "protected"))
	want := []entry{
		{platform1, "api_create_preauthcode", "", 0, ""},
		{"operator/" + mini, "authorize", "", 0, "sets [49]"},
		{mini, "api_query_auth", "", 0, ""},
		{mini, "api_authorizer_token", "", 0, ""},
		{mini, "getcodesecret", "", 0, "key made"},
		{mini, "getcodesecret", "", 0, ""},
		{mini, "usecloudaccesstoken", "set env " + env1, 0, "open=false entries=2 version=2"},
		{mini, "usecloudaccesstoken", "set env " + env1, 0, ""},
		{mini, "usecloudaccesstoken", "set env " + env1, 40097, "version 1 is older than 4"},
		{mini, "usecloudaccesstoken", "get env " + env1, 0, ""},
		{mini, "usecloudaccesstoken", "get env " + envOther, 40097, "env not exists"},
		{mini, "createfunction", "env " + env1 + " function first", 0, ""},
		{mini, "getuploadsignature", "", 0, ""},
		{mini, "UpdateFunctionCode", "env " + env1 + " function first", 0, "sha256 " + sum},
		{mini, "downloadfunction", "env " + env1 + " function first", 0, ""},
		{mini, "download", "env " + env1 + " function first", 0, ""},
		{mini, "downloadfunction", "env " + env1 + " function nowhere", -501000, "function not exists"},
		{"operator//" + mini1, "deploy", "env " + env1 + " function first", 0, "sha256 " + sumOf(zipOf(t, "the merchant's own"))},
		{mini, "getcodesecret", "", 61007, ""},
		{"operator/" + mini, "revoke", "", 0, ""},
		{"operator/", "admin-token create", "token ci", 0, "role auditor"},
		{"operator/", "admin-token revoke", "token ci", 0, ""},
	}
	got := map[entry]int{}
	for _, rec := range r.records("") {
		who := rec.Platform
		if rec.AppID != "" {
			who += "/" + rec.AppID
		}
		if rec.Operator {
			who = "operator/" + who
		}
		got[entry{who, rec.Action, rec.Target, rec.Code, rec.Detail}]++
		if rec.RID == "" || rec.At != r.clock.Load() || rec.Operator != (rec.RID == operatorRID) {
			t.Errorf("record %+v", rec)
		}
	}
	for _, e := range want {
		if got[e] == 0 {
			t.Errorf("not recorded: %+v", e)
		}
	}
	if e := (entry{platform1, "api_component_token", "", 0, ""}); got[e] != 3 { // each time a platform proved itself
		t.Errorf("component tokens are recorded %d times, want 3", got[e])
	}
	if e := (entry{"operator/" + platform1, "ticket", "", 0, ""}); got[e] != 3 {
		t.Errorf("tickets read are recorded %d times, want 3", got[e])
	}
}

// A caller that is not known leaves no record: noise must not fill the disk.
func TestNoiseIsNotRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := len(r.records(""))
	err := r.cloud.Refuse(cloud.Caller{RID: "rid"}, "getcodesecret", &cloud.Error{Kind: cloud.InvalidToken})
	r.refused("unknown caller", err, cloud.InvalidToken)
	if n := len(r.records("")); n != before {
		t.Errorf("%d records of nobody", n-before)
	}
}

// What a caller calls things stands in the record only in the form of a name: a
// secret that is sent as a name must not stay there, and a terminal that shows the
// record obeys nothing.
func TestNamesInRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	names := []string{
		"", "\x1b[2J\x07\r\n", strings.Repeat("小", 100), "\xff\xfe", strings.Repeat("x", 1<<20),
		r.codeSecret(c), "refreshtoken@@@" + strings.Repeat("A", 43), "queryauthcode@@@AAAA",
	}
	for _, name := range names {
		_, err := r.cloud.Permission(t.Context(), c, name)
		r.refused("get", err, cloud.InvalidArgs)
		r.refused("set", r.cloud.SetPermission(t.Context(), c, name, true, nil, 2), cloud.InvalidArgs)
		_, err = r.cloud.DownloadFunction(t.Context(), c, name, name)
		r.refused("download", err, cloud.EnvironmentNotFound)
		_, _, err = r.cloud.ListFunctions(t.Context(), c, name, 0, 10)
		r.refused("list", err, cloud.EnvironmentNotFound)
		r.refused("create", r.cloud.CreateFunction(t.Context(), c, name, name), cloud.InvalidArgs)
		if strings.HasPrefix(name, "/") {
			continue // a key of base64 may look like an interface's path
		}
		r.refused("entry", r.cloud.SetPermission(t.Context(), c, env1, true, []string{name}, 2), cloud.InvalidArgs)
	}
	for _, rec := range r.records("") {
		text := rec.Target + rec.Detail
		if len(text) > 300 || strings.ContainsAny(text, "\x1b\x07\r\n") {
			t.Errorf("record %q", text)
		}
		for _, name := range names[1:] {
			if strings.Contains(text, name) {
				t.Errorf("%q is in the record %q", name, text)
			}
		}
	}
	want := "env not an id (20 bytes) function not an id (20 bytes)"
	if !slices.ContainsFunc(r.records("downloadfunction"), func(rec cloud.Record) bool { return rec.Target == want }) {
		t.Errorf("no record has the target %q", want)
	}
}

// The explanation of a refused call says at least what its caller was told, and of
// which environment and action.
func TestExplainSaysWhatTheCallerWasTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	c.RID = fmt.Sprintf("%08x-00000000-00000001", r.clock.Load()/1000)
	r.refused("set", r.cloud.SetPermission(t.Context(), c, env1, true, nil, 1), cloud.InvalidArgs)
	x, err := r.cloud.Explain(t.Context(), c.RID)
	r.ok("Explain", err)
	if !strings.HasSuffix(x.Reason, ": version 1 is older than 2") || x.Env != env1 ||
		x.Action != "usecloudaccesstoken" || x.Target != "set env "+env1 {
		t.Errorf("%+v", x)
	}
	c.RID = strings.TrimSuffix(c.RID, "1") + "2"
	_, _, err = r.cloud.ListFunctions(t.Context(), c, env1, 0, 100)
	r.refused("list", err, cloud.InvalidArgs)
	x, err = r.cloud.Explain(t.Context(), c.RID)
	if r.ok("Explain", err); !strings.Contains(x.Reason, "limit must be from 1 to 20") || x.Env != env1 {
		t.Errorf("%+v", x)
	}
}

// CS-10, CR-10: nothing that is stored and no audit record shows a secret that
// was handed out.
func TestNothingStoredShowsASecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.keep(refresh2)
	r.mustApply(cloud.World{Authorizations: []cloud.WorldAuthorization{
		{Platform: platform1, AppID: mini2, Sets: []int{49}, RefreshToken: refresh2},
	}})
	r.everything()
	c := r.caller(platform1, mini1)
	g, err := r.cloud.UploadSignature(t.Context(), c, somePayload, someHeaders)
	r.ok("UploadSignature", err)
	r.keep(g.Token, g.SecretID, g.SecretKey)
	pre, err := r.cloud.CreatePreAuthCode(t.Context(), r.component(platform2), platform2)
	r.ok("CreatePreAuthCode", err)
	r.keep(pre.Value)
	places := map[string]string{}
	for _, rec := range r.records("") {
		line, err := json.Marshal(rec)
		r.ok("record", err)
		places["record of "+rec.Action+" "+string(line)] = string(line)
	}
	err = filepath.WalkDir(r.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		places[path] = string(data)
		return err
	})
	r.ok("read what is stored", err)
	if len(r.secrets) < 20 || len(places) < 25 {
		t.Fatalf("%d secrets and %d places: the test looks at nothing", len(r.secrets), len(places))
	}
	for place, data := range places {
		for _, secret := range r.secrets {
			for _, form := range forms(secret) {
				if strings.Contains(data, form) {
					t.Errorf("%s shows the secret %q", place, secret)
				}
			}
		}
	}
}

// forms are the ways in which a secret could be written.
func forms(secret string) []string {
	_, random, _ := strings.Cut(secret, "@@@")
	all := []string{
		secret, random,
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
	for _, text := range []string{secret, random} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			if raw, err := enc.DecodeString(text); err == nil {
				all = append(all, string(raw))
			}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 8 })
}

// failing is a store that refuses audit records of reads while it is set to.
type failing struct {
	cloud.Store
	fails atomic.Bool
	lost  atomic.Bool // it writes them, and its answer is lost
	tried atomic.Int64
	hold  atomic.Pointer[chan struct{}] // if not nil, AppendRecords waits for it
}

var errDisk = errors.Join(cloud.ErrUnavailable, errors.New("no space left"))

func (s *failing) AppendRecords(ctx context.Context, recs []cloud.Record) error {
	s.tried.Add(1)
	if hold := s.hold.Load(); hold != nil {
		<-*hold
	}
	if s.fails.Load() {
		return errDisk
	}
	err := s.Store.AppendRecords(ctx, recs)
	if s.lost.Load() {
		return errDisk
	}
	return err
}

func failingRig(t *testing.T) (*rig, *failing, cloud.Caller) {
	s := &failing{}
	r := emptyRig(t, func(inner cloud.Store) cloud.Store { s.Store = inner; return s })
	r.mustApply(rigWorld)
	return r, s, r.caller(platform1, mini1)
}

// get does something that is recorded as a read.
func (r *rig) get(c cloud.Caller) error {
	_, err := r.cloud.Permission(r.Context(), c, env1)
	return err
}

// stored counts the records of gets that are in the store.
func (r *rig) stored() int {
	n := 0
	err := r.store.Records(context.WithoutCancel(r.Context()), cloud.RecordFilter{}, func(rec cloud.Record) error {
		if rec.Action == "usecloudaccesstoken" {
			n++
		}
		return nil
	})
	r.ok("Records", err)
	return n
}

// Reads are written within about a second by themselves.
func TestReadsAreWrittenByThemselves(t *testing.T) {
	t.Parallel()
	r, _, c := failingRig(t)
	r.ok("get", r.get(c))
	for deadline := time.Now().Add(30 * time.Second); r.stored() == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a read was not written")
		}
	}
}

// While the store is out of reach reads are kept, and written in their order
// when it is back.
func TestReadsAreKept(t *testing.T) {
	t.Parallel()
	r, s, c := failingRig(t)
	s.fails.Store(true)
	for i := range 300 {
		r.sleep(time.Millisecond)
		r.ok("get", r.get(c))
		if i%100 == 0 {
			err := r.cloud.Records(t.Context(), cloud.RecordFilter{}, func(cloud.Record) error { return nil })
			r.refused("the record while it cannot be written", err, cloud.Unavailable)
		}
	}
	if s.tried.Load() < 3 || r.stored() != 0 {
		t.Fatal("the store was not out of reach")
	}
	s.fails.Store(false)
	recs := r.records("usecloudaccesstoken")
	if len(recs) != 300 || !slices.IsSortedFunc(recs, func(a, b cloud.Record) int { return int(a.At - b.At) }) {
		t.Errorf("%d records of 300 gets, or not in order", len(recs))
	}
}

// Reads whose writing is done, but not known to be, are recorded once, also if
// more came meanwhile.
func TestReadsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	r, s, c := failingRig(t)
	s.lost.Store(true)
	for range 5 {
		r.ok("get", r.get(c))
		err := r.cloud.Records(t.Context(), cloud.RecordFilter{}, func(cloud.Record) error { return nil })
		r.refused("the record while it is not known what is in it", err, cloud.Unavailable)
	}
	s.lost.Store(false)
	if n := len(r.records("usecloudaccesstoken")); n != 5 {
		t.Errorf("%d records of 5 gets", n)
	}
}

// What leaves no record is not answered: when no more can be kept, reads are
// refused, and the server says that it is not ready. However long the store is
// out of reach, no more than that is kept.
func TestFullRecordRefuses(t *testing.T) {
	t.Parallel()
	r, s, c := failingRig(t)
	s.fails.Store(true)
	fill := func() (taken int) {
		for taken = 0; taken < 1<<20; taken++ {
			if err := r.get(c); err != nil {
				r.refused("get", err, cloud.Unavailable)
				return taken
			}
		}
		t.Fatal("reads are kept without end")
		return 0
	}
	const limit = 1 << 17
	if n := fill(); n > limit || n < limit-10 {
		t.Errorf("%d reads were taken, want %d less the few of the rig", n, limit)
	}
	for range 3 {
		hold := make(chan struct{})
		s.hold.Store(&hold)
		flushed := make(chan error, 1)
		go func() {
			flushed <- r.cloud.Records(r.Context(), cloud.RecordFilter{}, func(cloud.Record) error { return nil })
		}()
		time.Sleep(10 * time.Millisecond)
		if n := fill(); n != 0 {
			t.Errorf("%d more were taken while the full batch was being written in vain", n)
		}
		close(hold)
		r.refused("the record", <-flushed, cloud.Unavailable)
	}
	if h := r.cloud.Health(t.Context()); !slices.Contains(h.Unavailable, "the audit record cannot be written") {
		t.Errorf("the health is %+v", h)
	}
	_, err := r.cloud.CodeSecret(t.Context(), c)
	r.ok("a key that is made is recorded with it", err)
	_, err = r.cloud.CodeSecret(t.Context(), c)
	r.refused("a key that is only read", err, cloud.Unavailable)

	s.fails.Store(false)
	if n := len(r.records("usecloudaccesstoken")); n < limit-10 {
		t.Errorf("%d records, want what was answered", n)
	}
	r.ok("get", r.get(c))
	time.Sleep(time.Second) // it was remembered
	if h := r.cloud.Health(t.Context()); len(h.Unavailable)+len(h.Degraded) != 0 {
		t.Errorf("the health is %+v", h)
	}
}

// Close writes what is still in memory.
func TestCloseWritesTheRest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	second := cloud.New(cloud.Config{
		Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now, Log: slog.New(slog.DiscardHandler),
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := second.Permission(r.Context(), c, env1); err != nil {
					r.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r.ok("Close", second.Close())
	if n := r.stored(); n != 400 {
		t.Errorf("%d records after Close, want 400", n)
	}
}

// Records ends early with the reader's error.
func TestRecordsEndEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.everything()
	enough := errors.New("enough")
	n := 0
	err := r.cloud.Records(t.Context(), cloud.RecordFilter{}, func(cloud.Record) error {
		if n++; n == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 2 {
		t.Errorf("Records: %v after %d", err, n)
	}
}
