//go:build linux

package soaktest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// crew is how many clients of a cluster do what.
type crew struct {
	contested, rivals int // environments, and clients that contend for each
	keys, holders     int // Mini Programs, and clients that ask for their keys
	uploaders         int
	makers            int // of functions
	refreshers        int // of tokens
}

// sharedApps is how many Mini Programs uploaders share, and makers, and
// refreshers.
const sharedApps = 4

func (k crew) clients() int {
	return k.contested*k.rivals + k.holders + k.uploaders + k.makers + k.refreshers
}

func (k crew) apps() int { return k.contested/2 + k.keys + 3*sharedApps }

// shared is the Mini Program of the n-th client of a kind that shares them.
func (k crew) shared(kind, n int) int {
	return k.contested/2 + k.keys + kind*sharedApps + n%sharedApps
}

// bustle is what a crew does, and what it was told.
type bustle struct {
	cluster  *cluster
	crew     crew
	log      callLog
	faults   faults
	begin    time.Time
	end      time.Time
	platform string   // component token
	tokens   []string // authorizer tokens of the Mini Programs

	contests []*contested
	keys     []*heldKey
	codes    []*ownCode
	made     []*ownFunctions
	issued   []*ownTokens
}

// newBustle logs in to everything, and starts nothing yet.
func newBustle(t *testing.T, c *cluster, k crew) *bustle {
	t.Helper()
	b := &bustle{cluster: c, crew: k}
	clients := login(t, c.list[0], k.apps())
	for _, c := range clients {
		b.tokens = append(b.tokens, c.token)
	}
	b.platform = componentToken(t, c.list[0], newClient(c.list[0].api, ""))
	for i := range k.contested {
		b.contests = append(b.contests, &contested{env: envid(i/2, i%2), token: b.tokens[i/2], sent: map[string]*oneSet{}})
	}
	for j := range k.keys {
		b.keys = append(b.keys, &heldKey{token: b.tokens[k.contested/2+j]})
	}
	for n := range k.uploaders {
		app := k.shared(0, n)
		w := &ownCode{n: n, env: envid(app, 0), name: fnName("code", n), token: b.tokens[app], unknown: map[string]time.Time{}}
		must(t, "createfunction", clients[app].createFunction(w.env, w.name))
		b.codes = append(b.codes, w)
	}
	for n := range k.makers {
		app := k.shared(1, n)
		b.made = append(b.made, &ownFunctions{n: n, env: envid(app, 0), token: b.tokens[app], names: map[string]bool{}})
	}
	for n := range k.refreshers {
		b.issued = append(b.issued, &ownTokens{app: k.shared(2, n)})
	}
	return b
}

// work lets everybody work for so long, and returns what waits for the end.
func (b *bustle) work(d time.Duration) (wait func()) {
	b.begin, b.end = time.Now(), time.Now().Add(d)
	var all sync.WaitGroup
	each := func(what string, step func(r *roamer, n int) error) {
		all.Go(func() {
			r := b.cluster.roamer(&b.log, b.end)
			defer r.http.CloseIdleConnections()
			for n := 0; !r.over(); n++ {
				if err := step(r, n); err != nil && err != errUnknown {
					b.faults.add("%s: %v", what, err)
					return
				}
				r.roam()
			}
		})
	}
	for i, x := range b.contests {
		for j := range b.crew.rivals {
			each("a rival for "+x.env, func(r *roamer, n int) error { return x.step(r, i, j, n) })
		}
	}
	for range b.crew.holders {
		each("a holder of keys", b.askKey)
	}
	for _, w := range b.codes {
		each("the uploader of "+w.name, w.step)
	}
	for _, w := range b.made {
		each("a maker of functions", w.step)
	}
	for _, w := range b.issued {
		each("a refresher of tokens", func(r *roamer, _ int) error { return w.step(r, b.platform) })
	}
	return all.Wait
}

// check holds what a server has against all that was told.
func (b *bustle) check(t *testing.T, s *server) {
	t.Helper()
	c := newClient(s.api, "")
	defer c.close()
	sets, contended := 0, 0
	for _, x := range b.contests {
		n, many := x.check(&b.faults, s, c.as(x.token))
		sets, contended = sets+n, contended+many
	}
	made := 0
	for j, k := range b.keys {
		made += min(1, len(k.key))
		if key, err := c.as(k.token).codeSecret(); err != nil || k.key != "" && key != k.key {
			b.faults.add("CS-4: the key of %d is another, %v", j, err)
		}
	}
	uploads, functions, tokens := 0, 0, 0
	for _, w := range b.codes {
		uploads += w.check(&b.faults, c.as(w.token))
	}
	for _, w := range b.made {
		functions += w.check(&b.faults, c.as(w.token))
	}
	for _, w := range b.issued {
		tokens += w.check(&b.faults, c)
	}
	t.Logf("all there: %d sets (%d versions were contended for), %d keys, %d uploads, %d functions, %d tokens", sets, contended, made, uploads, functions, tokens)
	if contended == 0 || made == 0 || uploads == 0 || functions == 0 || tokens == 0 {
		t.Error("some kind of call was never answered")
	}
}

// heldKey is the code protection key of a Mini Program, "" until it was told.
type heldKey struct {
	mu    sync.Mutex
	token string
	key   string
}

// askKey asks for one of the keys. Those for which nobody asked before come
// little by little (CS-5).
func (b *bustle) askKey(r *roamer, n int) error {
	pause(300)
	open := 1 + int(time.Since(b.begin)*time.Duration(len(b.keys))/b.end.Sub(b.begin))
	k := b.keys[max(0, min(open, len(b.keys))-1-n%3)]
	var key string
	err := r.until("getcodesecret", func() (err error) { key, err = r.here(k.token).codeSecret(); return err })
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != "" && k.key != key {
		return errors.New("CS-4: a key that was told already is another now")
	}
	k.key = key
	return nil
}

// ownFunctions are functions that one client creates.
type ownFunctions struct {
	n, last int
	env     string
	token   string
	names   map[string]bool // whether its creation was answered
}

func (w *ownFunctions) step(r *roamer, _ int) error {
	pause(600)
	w.last++
	name := fmt.Sprintf("made-%d-%d", w.n, w.last)
	w.names[name] = false
	tries := 0
	err := r.until("createfunction", func() error { tries++; return r.here(w.token).createFunction(w.env, name) })
	if code, ok := refused(err); ok && code == tcb.InvalidArgs && tries > 1 {
		err = nil // the first try had done it
	}
	w.names[name] = err == nil
	return err
}

func (w *ownFunctions) check(f *faults, c *client) (done int) {
	there, err := c.functions(w.env)
	if err != nil {
		f.add("listfunctions: %v", err)
	}
	for name, answered := range w.names {
		if answered {
			done++
		}
		if answered && !there[name] {
			f.add("the creation of %s was answered, and it is not there", name)
		}
	}
	return done
}

// ownTokens are tokens that one client was given.
type ownTokens struct {
	app    int
	tokens []string
}

// step asks for a token and uses it on whatever server (CR-10).
func (w *ownTokens) step(r *roamer, platform string) error {
	pause(600)
	var token string
	err := r.until("api_authorizer_token", func() (err error) { token, err = r.here(platform).newToken(w.app); return err })
	if err != nil {
		return err
	}
	w.tokens = append(w.tokens, token)
	r.roam()
	if err := r.until(
		"getcodesecret", func() error { _, err := r.here(token).codeSecret(); return err },
	); err != nil && err != errUnknown {
		return fmt.Errorf("CR-10: a token that was just issued: %w", err)
	}
	return nil
}

// check uses the tokens again: none is five minutes old (CR-8).
func (w *ownTokens) check(f *faults, c *client) int {
	for _, token := range w.tokens[max(0, len(w.tokens)-20):] {
		if _, err := c.as(token).codeSecret(); err != nil {
			f.add("CR-8: a token of the last five minutes: %v", err)
		}
	}
	return len(w.tokens)
}
