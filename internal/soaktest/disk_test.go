//go:build linux

package soaktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestFullDisk fills the disk under a running server: it answers -1 to what it
// cannot store, leaves nothing half done, reads on, and goes on by itself when
// there is room again.
//
// Proves: EN-13, UT-16, UP-6
func TestFullDisk(t *testing.T) { amongOwnMounts(t, testFullDisk) }

func testFullDisk(t *testing.T) {
	disk := smallDisk(t, "24m")
	l := launch{binary: watched(), data: filepath.Join(disk, "data")}
	first := l
	first.world = newWorld(t, 2)
	s := start(t, first)
	d := &diskTest{t: t, s: s, c: login(t, s, 2)[0], fresh: login(t, s, 2)[1], clean: shapeOf(t, l.data)}
	d.before()

	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	d.fillLog(filler)
	d.full()
	checkNotReady(t, s)
	s.tells(t, "no space is left on its disk")
	d.reads()

	must(t, "making room", os.Remove(filler))
	d.goesOn()
	d.uploadIntoFull(filler)
	must(t, "making room", os.Remove(filler))
	d.goesOn()
	d.reads()

	// What it said is durable, and nothing is broken.
	s.kill()
	checkDatabase(t, l.data)
	d.s = start(t, l)
	d.c.base = d.s.api
	d.reads()
	d.clean.check(t, l.data)
	d.s.stop()
	checkDatabase(t, l.data)
	checkBlobs(t, l.data)
}

// diskTest is what the test knows of the server.
type diskTest struct {
	t     *testing.T
	s     *server
	c     *client // of the first Mini Program, which has a key
	fresh *client // of the second, which has none
	clean shape
	key   string
	sum   string
	n     int        // sets tried
	perm  permission // of the environment, as the next get has to tell it
	made  []string   // functions, "code" among them
}

func (d *diskTest) env() string { return envid(0, 0) }

func (d *diskTest) before() {
	d.t.Helper()
	var err error
	d.key, err = d.c.codeSecret()
	must(d.t, "getcodesecret", err)
	d.perm = permission{true, []string{}, 2}
	d.mustGoOn()
}

// set tries a set, and notes it if it was accepted.
func (d *diskTest) set() error {
	d.n++
	p := permission{d.n%5 != 0, []string{fmt.Sprintf("/wxa/n%d", d.n)}, d.perm.version}
	err := d.c.setPermission(d.env(), p)
	if err == nil {
		d.perm = permission{p.open, p.list, p.version + 2}
	}
	return err
}

func (d *diskTest) create() error {
	name := fnName("made", d.n+1000*len(d.made))
	if len(d.made) == 0 {
		name = "code"
	}
	err := d.c.createFunction(d.env(), name)
	if err == nil {
		d.made = append(d.made, name)
	}
	return err
}

func (d *diskTest) upload(size int) error {
	d.n++
	code := newZip(uint64(d.n), size)
	err := d.c.upload(d.env(), "code", d.key, code)
	if err == nil {
		d.sum = sumOf(code)
	}
	return err
}

// fill takes all the room there is, to the last page.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, "filler", err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
}

// fillLog sets until the room that the database had set aside is used up too,
// and a set is refused for want of room.
func (d *diskTest) fillLog(filler string) {
	d.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		err := d.set()
		if code, ok := refused(err); ok && code == tcb.SystemBusy {
			return
		}
		must(d.t, "a set while the disk fills: done, or errcode -1, but", err)
		fill(d.t, filler) // what a checkpoint may have set free
	}
	d.t.Fatal("the disk is full, and sets go on")
}

// full makes every call that would have to store something. A few may still
// find room where a larger one was refused; what they answer holds.
func (d *diskTest) full() {
	d.t.Helper()
	for what, try := range map[string]func() error{"set": d.set, "createfunction": d.create} {
		d.mustRefuse(what, try)
	}
	if _, err := d.fresh.codeSecret(); err != nil {
		d.mustRefuse("a first getcodesecret", func() error { return err })
	}
	d.mustRefuseUpload(200_000)
}

// mustRefuse expects -1 within a hundred calls, and success before.
func (d *diskTest) mustRefuse(what string, try func() error) {
	d.t.Helper()
	for range 100 {
		err := try()
		if code, ok := refused(err); ok && code == tcb.SystemBusy {
			return
		}
		if err != nil {
			d.t.Errorf("%s on a full disk: %v, want errcode -1 (EN-13)", what, err)
			return
		}
	}
	d.t.Errorf("%s goes on although the disk is full", what)
}

// mustRefuseUpload expects the upload's own envelope, a code that does not
// blame the caller, and nothing left of it.
func (d *diskTest) mustRefuseUpload(size int) {
	d.t.Helper()
	err := d.upload(size)
	r, ok := errors.AsType[*refusal](err)
	if !ok || r.name == "" {
		d.t.Errorf("an upload to a full disk: %v, want a failure in the envelope of UP-5", err)
	} else {
		for _, blame := range []string{"AuthFailure", "InvalidParameter", "MissingParameter", "ResourceNotFound"} {
			if strings.HasPrefix(r.name, blame) {
				d.t.Errorf("an upload to a full disk is the caller's fault: %v", err)
			}
		}
	}
	d.clean.check(d.t, d.s.data)
}

// reads makes every call that only reads, and holds the answers against what
// was answered before.
func (d *diskTest) reads() {
	d.t.Helper()
	key, err := d.c.codeSecret()
	if err != nil || key != d.key {
		d.t.Errorf("getcodesecret of a key that there is: %v", err)
	}
	sum, err := d.c.download(d.env(), "code")
	if err != nil || sum != d.sum {
		d.t.Errorf("download: %v, checksum %s, want %s", err, sum, d.sum)
	}
	p, err := d.c.permission(d.env())
	if err != nil || fmt.Sprint(p) != fmt.Sprint(d.perm) {
		d.t.Errorf("get: %+v, %v, want %+v", p, err, d.perm)
	}
	names, err := d.c.functions(d.env())
	if err != nil || len(names) != len(d.made) {
		d.t.Errorf("listfunctions: %d functions, %v, want %q", len(names), err, d.made)
	}
}

// goesOn waits until there is room for everything again: at once, but that
// records of reads may be written first.
func (d *diskTest) goesOn() {
	d.t.Helper()
	within(d.t, time.Minute, "sets go on after there is room again", func() bool { return d.set() == nil })
	d.mustGoOn()
	within(d.t, time.Minute, "ready after there is room again", func() bool { return strings.Contains(readiness(d.t, d.s), `"ok"`) })
}

func (d *diskTest) mustGoOn() {
	d.t.Helper()
	must(d.t, "createfunction with room on the disk", d.create())
	must(d.t, "a set with room on the disk", d.set())
	must(d.t, "an upload with room on the disk", d.upload(300_000))
	d.reads()
}

// uploadIntoFull uploads more than there is room for: the disk is full in the
// midst of the upload, and has its room back after it.
func (d *diskTest) uploadIntoFull(filler string) {
	d.t.Helper()
	fill(d.t, filler)
	info, err := os.Stat(filler)
	must(d.t, "filler", err)
	must(d.t, "leaving a little room", os.Truncate(filler, info.Size()-2<<20))
	for range 3 { // what it leaves would add up
		d.mustRefuseUpload(6 << 20)
	}
	d.reads()
	must(d.t, "an upload into the room that is left", d.upload(1<<20))
	d.reads()
}

// readiness is what /readyz answers.
func readiness(t *testing.T, s *server) string {
	t.Helper()
	c := newClient(s.admin, "")
	defer c.close()
	_, text, err := c.get(s.admin + "/readyz")
	must(t, "/readyz", err)
	return string(text)
}

// checkNotReady wants the reason to be told, whether the database has felt it yet
// or not: calls that change nothing are answered still.
func checkNotReady(t *testing.T, s *server) {
	t.Helper()
	text := readiness(t, s)
	if strings.Contains(text, `"ok"`) || !strings.Contains(text, "no space is left on its disk") {
		t.Errorf("/readyz on a full disk: %s; want why it is not ok", text)
	}
}
