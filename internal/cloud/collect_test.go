package cloud_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
)

// collect runs a collection and returns what it found.
func (r *rig) collect(grace time.Duration, dry bool) (found []cloud.CodeFinding, report cloud.CodeReport) {
	r.Helper()
	watch := cloud.CodeWatch{Found: func(f cloud.CodeFinding) error {
		found = append(found, f)
		return nil
	}}
	report, err := r.cloud.Collect(r.Context(), r.operator(), grace, dry, watch)
	r.ok("Collect", err)
	return found, report
}

// unusedCode makes code durable and takes it into use nowhere.
func (r *rig) unusedCode(text string) (sum string) {
	r.Helper()
	sum, err := r.cloud.AddCode(r.Context(), r.operator(), r.draft(zipOf(r, text)))
	r.ok("AddCode", err)
	return sum
}

func (r *rig) codeFile(sum string) string { return filepath.Join(r.folder, "code", sum[:2], sum) }

func (r *rig) isStored(sum string) bool {
	_, err := os.Stat(r.codeFile(sum))
	return err == nil
}

// TestCollect: code goes when no function has used it for the grace, and not
// before.
func TestCollect(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "one"))
	one := r.link(c).Checksum
	unused := r.unusedCode("never used")
	r.sleep(2 * time.Hour)
	r.ok("upload", r.upload(c, "first", "two"))
	two := r.link(c).Checksum
	link := r.link(c)

	found, _ := r.collect(time.Hour, true)
	if len(found) != 1 || found[0].Sum != unused || found[0].State != cloud.CodeUnused || found[0].Size == 0 {
		t.Errorf("a dry run found %+v, want what was never used", found)
	}
	if !r.isStored(unused) {
		t.Fatal("a dry run removed code")
	}
	found, report := r.collect(time.Hour, false)
	if len(found) != 1 || found[0].Sum != unused || found[0].State != cloud.CodeRemoved ||
		report.Seen != 3 || report.Found != 1 {
		t.Errorf("found %+v, %+v", found, report)
	}
	if r.isStored(unused) || !r.isStored(one) || !r.isStored(two) {
		t.Error("want gone what was never used, and there what was replaced a moment ago")
	}
	if recs := r.records("gc"); len(recs) != 1 || !strings.Contains(recs[0].Target, unused) || !recs[0].Operator {
		t.Errorf("records: %+v", recs)
	}
	r.sleep(time.Hour + time.Second)
	found, _ = r.collect(time.Hour, false)
	if len(found) != 1 || found[0].Sum != one || r.isStored(one) || !r.isStored(two) {
		t.Errorf("after the grace: %+v", found)
	}
	if link.Checksum != two {
		t.Error("the link is to another code")
	}
	// What was collected can come again.
	r.ok("upload", r.upload(c, "first", "one"))
	if found, _ = r.collect(time.Hour, false); len(found) != 0 || !r.isStored(one) {
		t.Errorf("code that came again: %+v", found)
	}
}

// TestCollectUnknown: code that nobody announced is given its grace from when
// it is first seen.
func TestCollectUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := r.draft(zipOf(t, "stored behind the rules' back"))
	r.ok("Commit", d.Commit(t.Context()))
	sum := d.Sum().String()
	for range 2 {
		if found, report := r.collect(time.Hour, true); len(found) != 0 || report.Fresh != 1 {
			t.Errorf("dry run: %+v, %+v", found, report)
		}
	}
	if found, report := r.collect(time.Hour, false); len(found) != 0 || report.Fresh != 1 {
		t.Errorf("first: %+v, %+v", found, report)
	}
	if found, report := r.collect(time.Hour, false); len(found) != 0 || report.Fresh != 0 {
		t.Errorf("second: %+v, %+v", found, report)
	}
	r.sleep(time.Hour + time.Second)
	if found, _ := r.collect(time.Hour, false); len(found) != 1 || found[0].Sum != sum || r.isStored(sum) {
		t.Errorf("after the grace: %+v", found)
	}
}

// TestCollectGoesOn: what a collection that was killed has doomed is refused to
// uploads, left alone while that collection may still be at it, and finished
// by a later one.
func TestCollectGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	sum := r.unusedCode("doomed")
	rows, err := r.store.CodeRows(t.Context(), "", "~", 10)
	r.ok("CodeRows", err)
	i := slices.IndexFunc(rows, func(row cloud.CodeRow) bool { return row.Sum == sum })
	doomed, err := r.store.DoomCode(t.Context(), rows[i], r.clock.Load(), cloud.Record{At: r.clock.Load()})
	if err != nil || !doomed {
		t.Fatalf("DoomCode: %t, %v", doomed, err)
	}
	r.refused("an upload of doomed code", r.upload(c, "first", "doomed"), cloud.Unavailable)
	if found, _ := r.collect(0, false); len(found) != 0 {
		t.Errorf("at once: %+v", found)
	}
	r.sleep(11 * time.Minute)
	if found, _ := r.collect(0, false); len(found) != 1 || r.isStored(sum) {
		t.Errorf("later: %+v", found)
	}
	r.ok("upload", r.upload(c, "first", "doomed"))
}

// sleepy is a store after whose decision to remove code the collection stops
// for a while.
type sleepy struct {
	cloud.Store
	sleep func()
}

func (s sleepy) DoomCode(ctx context.Context, c cloud.CodeRow, now int64, rec cloud.Record) (bool, error) {
	doomed, err := s.Store.DoomCode(ctx, c, now, rec)
	s.sleep()
	return doomed, err
}

// TestCollectOverslept: a collection that was stopped between its decision and
// the removal removes nothing any more: another may have finished it, and the
// code may have been uploaded again.
func TestCollectOverslept(t *testing.T) {
	t.Parallel()
	var r *rig
	sleep := func() {}
	r = emptyRig(t, func(s cloud.Store) cloud.Store { return sleepy{s, func() { sleep() }} })
	sum := r.unusedCode("unused")
	r.sleep(time.Hour)
	slept := false
	sleep = func() {
		sleep, slept = func() {}, true
		r.sleep(11 * time.Minute)
		if found, _ := r.collect(0, false); len(found) != 1 || r.isStored(sum) {
			t.Errorf("the other collection: %+v", found)
		}
		if again := r.unusedCode("unused"); again != sum {
			t.Errorf("uploaded again as %s", again)
		}
	}
	found, _ := r.collect(0, false)
	if !slept || len(found) != 0 || !r.isStored(sum) {
		t.Errorf("it woke up and removed what was uploaded again: %+v", found)
	}
}

// TestScrub finds what is damaged and what is missing, and who uses it.
//
// Proves: DF-11
func TestScrub(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, name := range []string{"sound", "damaged", "missing"} {
		r.deploy(name, "code of "+name)
	}
	stray := r.unusedCode("damaged and used by nobody")
	sums := map[string]string{}
	for _, name := range []string{"sound", "damaged", "missing"} {
		f, err := r.store.Function(t.Context(), mini1, env1, name)
		r.ok("Function", err)
		sums[name] = f.Sum
	}
	for _, sum := range []string{sums["damaged"], stray} {
		if err := os.WriteFile(r.codeFile(sum), []byte("other bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(r.codeFile(sums["missing"])); err != nil {
		t.Fatal(err)
	}
	got := map[string]cloud.CodeFinding{}
	watch := cloud.CodeWatch{Found: func(f cloud.CodeFinding) error { got[f.Sum] = f; return nil }}
	report, err := r.cloud.Scrub(t.Context(), watch)
	r.ok("Scrub", err)
	if len(got) != 3 || report.Seen != 3 || report.Found != 3 {
		t.Errorf("found %+v, %+v", got, report)
	}
	user := func(name string) []cloud.CodeUser {
		return []cloud.CodeUser{{Account: mini1, Env: env1, Function: name}}
	}
	if f := got[sums["damaged"]]; f.State != cloud.CodeCorrupt || !slices.Equal(f.Users, user("damaged")) {
		t.Errorf("damaged: %+v", f)
	}
	if f := got[sums["missing"]]; f.State != cloud.CodeMissing || !slices.Equal(f.Users, user("missing")) {
		t.Errorf("missing: %+v", f)
	}
	if f := got[stray]; f.State != cloud.CodeCorrupt || len(f.Users) != 0 {
		t.Errorf("stray: %+v", f)
	}
	if b, err := r.blobs.Open(t.Context(), mustSum(t, sums["sound"])); err != nil {
		t.Errorf("the sound one: %v", err)
	} else {
		b.Close()
	}
}

func mustSum(t *testing.T, text string) blob.Sum {
	t.Helper()
	sum, err := blob.ParseSum(text)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestCollectStops: an error of the watch ends the walk, and is returned.
func TestCollectStops(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.unusedCode("one")
	r.unusedCode("two")
	r.sleep(time.Minute)
	enough := errors.New("enough")
	n := 0
	watch := cloud.CodeWatch{Found: func(cloud.CodeFinding) error { n++; return enough }}
	_, err := r.cloud.Collect(t.Context(), r.operator(), 0, false, watch)
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d findings, %v", n, err)
	}
}
