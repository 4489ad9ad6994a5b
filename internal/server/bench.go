package server

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// Bench is what a server in test mode has beside: faults that are injected, and a
// journal. Every visit passes it on its way through the door. It outlives the
// Servers that are given it. It is safe for concurrent use.
type Bench struct {
	rules   *inject.Rules
	journal *journal.Journal
	dead    deadTokens

	mu    sync.Mutex
	letGo chan struct{} // closed to let go of those who are held up
	ended bool          // nobody is held up any more
}

// NewBench returns a bench without rules and with an empty journal.
func NewBench() *Bench {
	return &Bench{rules: inject.New(injectable()), journal: journal.New(), letGo: make(chan struct{})}
}

// Faults returns the rules of faults; nil of no bench.
func (b *Bench) Faults() *inject.Rules {
	if b == nil {
		return nil
	}
	return b.rules
}

// Journal returns the latest calls; nil of no bench.
func (b *Bench) Journal() *journal.Journal {
	if b == nil {
		return nil
	}
	return b.journal
}

// LetGo lets go of every call that a fault holds up at the moment: it ends.
func (b *Bench) LetGo() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		close(b.letGo)
		b.letGo = make(chan struct{})
	}
}

// End is LetGo for good, of those who wait for the journal too: the server ends.
func (b *Bench) End() {
	b.journal.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended = true
		close(b.letGo)
	}
}

// Reset removes all rules and what they brought about, and empties the journal.
func (b *Bench) Reset() {
	b.rules.Clear()
	b.dead.clear()
	b.journal.Clear()
}

// held returns what is closed to let go of who is held up now.
func (b *Bench) held() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.letGo
}

// onBench is a visit in test mode.
type onBench struct {
	*Bench
	server  *Server
	at      time.Time     // when it came, by the server's clock
	call    journal.Match // what was known of it before it was carried out
	token   string        // if the server has made it
	acting  *inject.Acting
	body    bodyTap
	answer  answerTap
	zip     string // what stands for the zip of an upload
	outcome error
}

// pass takes a visit through the door in test mode.
func (b *Bench) pass(d *door, v *visit) {
	if d == d.server.ready {
		d.pass(v)
		return
	}
	t := &onBench{Bench: b, server: d.server, at: d.server.cloud.Now()}
	v.bench = t
	t.body.ReadCloser, t.answer.ResponseWriter = v.r.Body, v.w
	v.r.Body, v.w = &t.body, &t.answer
	t.call = journal.Match{Interface: ruleName(d.name), Path: rawPath(v.r)}
	t.identify(v)
	if t.acting = b.rules.Choose(t.call, t.at); t.acting != nil {
		t.prepare()
	}
	defer func() {
		broken := recover() // the door breaks an answer off by a panic
		t.note(v)
		t.end(broken)
	}()
	d.pass(v)
}

// end ends a visit that is in the journal: only then its caller sees the end of the
// answer, and can look for the call there.
func (t *onBench) end(broken any) {
	switch {
	case t.acting != nil && (t.acting.LoseAnswer || t.acting.Reset):
		resetConnection(t.answer.ResponseWriter)
	case broken != nil:
		panic(broken)
	case t.answer.isCut:
		panic(http.ErrAbortHandler) // net/http breaks the connection
	default:
		t.answer.end()
	}
}

// prepare makes the answer what a fault wants it to be.
func (t *onBench) prepare() {
	switch {
	case t.acting.LoseAnswer:
		t.answer.isLost = true
	case t.acting.Cut != nil:
		t.answer.cutAfter = int64(t.acting.Cut.After)
		t.answer.cuts = true
	case t.acting.Alter:
		t.answer.alters = true
	}
}

// errInjected is why a call was answered as it was.
var errInjected = errors.New("injected by a fault's rule")

// before does what a fault does before the call is carried out. It reports whether
// the visit has ended by that.
func (t *onBench) before(v *visit) (ended bool, err error) {
	if t.dead.has(t.token) {
		return true, errExpired(t.call.Interface)
	}
	a := t.acting
	if a == nil {
		return false, nil
	}
	if v.caller.Platform == "" {
		v.caller.Platform, v.caller.AppID = t.call.Platform, t.call.AppID
	}
	ended, err = t.act(v, a)
	t.server.cloud.RecordInjected(v.rid, cloud.Holder{Platform: t.call.Platform, AppID: t.call.AppID},
		t.call.Interface, a.ID, a.String(), codeOf(err))
	return ended, err
}

func (t *onBench) act(v *visit, a *inject.Acting) (ended bool, err error) {
	switch {
	case a.ErrCode != nil:
		return true, newInjectedError(t.call.Interface, *a.ErrCode, a.ErrMsg)
	case a.Status != nil:
		readRest(v.w, v.r)
		v.begun = true
		v.w.WriteHeader(a.Status.Code)
		_, _ = io.WriteString(v.w, cmp.Or(a.Status.Body, http.StatusText(a.Status.Code)+"\n"))
		return true, nil
	case a.Delay > 0:
		t.wait(v, a)
	case a.Stall:
		t.stall(v, a)
		fallthrough
	case a.Reset:
		v.begun = true
		return true, &cloud.Error{Kind: cloud.Unavailable, Err: errInjected}
	case a.Expire && t.token != "":
		t.dead.add(t.token)
		return true, errExpired(t.call.Interface)
	}
	return false, nil
}

// wait holds a call up. Its body is read and its answer written later than they
// would be.
func (t *onBench) wait(v *visit, a *inject.Acting) {
	conn, late := http.NewResponseController(v.w), time.Now().Add(a.Delay+t.server.transferTime)
	_, _ = conn.SetReadDeadline(late), conn.SetWriteDeadline(late)
	timer := time.NewTimer(a.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.Gone:
	case <-t.held():
	}
}

// stall answers nothing until the caller gives up. Only once the body is read does
// net/http see that.
func (t *onBench) stall(v *visit, a *inject.Acting) {
	conn := http.NewResponseController(v.w)
	_ = conn.SetReadDeadline(time.Now().Add(t.server.transferTime))
	_ = drain(v.r.Body)
	_ = conn.SetReadDeadline(time.Time{})
	select {
	case <-v.r.Context().Done():
	case <-a.Gone:
	case <-t.held():
	}
}

// resetConnection resets a connection, so that its caller does not take the answer
// for one that ended. What cannot be reset is broken off.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok { // of TLS
		conn = inner.NetConn()
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// errExpired is the refusal of a token that a rule has let expire.
func errExpired(iface string) error {
	switch iface {
	case inject.Link:
		return cloud.Refused(cloud.LinkInvalid, "the link has expired: ask downloadfunction for a new one")
	case inject.Upload:
		return cloud.Refused(cloud.UploadSignatureExpired, "the signature is over 5 minutes old")
	}
	return cloud.Refused(cloud.TokenExpired, "")
}

// reissued notes that a link is given out again, which a rule has let expire: one
// that is made at the same time by a clock that stands is the same link.
func (t *onBench) reissued() {
	_, link, found := bytes.Cut(t.answer.kept, []byte(downloadPath))
	if end := bytes.IndexByte(link, '"'); found && end > 0 {
		t.dead.remove(string(link[:end]))
	}
}

// deadTokens are those that rules have let expire, as far as they are remembered. It
// is safe for concurrent use.
type deadTokens struct {
	mu sync.Mutex
	of map[string]bool
}

// maxDead is how many are remembered.
const maxDead = 10_000

func (d *deadTokens) add(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil || len(d.of) >= maxDead {
		d.of = map[string]bool{}
	}
	d.of[token] = true
}

func (d *deadTokens) has(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of[token]
}

func (d *deadTokens) remove(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, token)
}

func (d *deadTokens) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of = nil
}
