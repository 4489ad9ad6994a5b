//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
)

// keyholder asks for code protection keys for the first time, twice at once
// (CS-5), and remembers them. Its own client's token is of no use to it: every
// key is another Mini Program's.
type keyholder struct {
	tokens []string // of Mini Programs whose key was never asked for
	apps   []int    // their numbers
	perRun int      // how many are asked for before a kill

	mu    sync.Mutex
	keys  map[int]string // that were answered
	asked map[int]string // not answered: the token to ask again with
	held  map[int]string // the tokens of those in keys
}

func newKeyholder(first int, clients []*client, perRun int) *keyholder {
	w := &keyholder{perRun: perRun, keys: map[int]string{}, asked: map[int]string{}, held: map[int]string{}}
	for i, c := range clients {
		w.tokens, w.apps = append(w.tokens, c.token), append(w.apps, first+i)
	}
	return w
}

func (w *keyholder) work(ctx context.Context, c *client) error {
	for range w.perRun {
		if ctx.Err() != nil || len(w.apps) == 0 {
			return nil
		}
		app, token := w.apps[0], w.tokens[0]
		w.apps, w.tokens = w.apps[1:], w.tokens[1:]
		var wg sync.WaitGroup
		var errs [2]error
		for i := range errs {
			wg.Go(func() { errs[i] = w.ask(c, app, token) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		pause(20)
	}
	return nil
}

// ask asks for one key and holds it against the one known before.
func (w *keyholder) ask(c *client, app int, token string) error {
	key, err := c.as(token).codeSecret()
	ok, err := answered(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch before, known := w.keys[app]; {
	case err != nil:
		return err
	case !ok:
		if !known {
			w.asked[app] = token
		}
	case known && before != key:
		return fmt.Errorf("CS-4: the key of %s has changed", appid(app))
	default:
		w.keys[app], w.held[app] = key, token
		delete(w.asked, app)
	}
	return nil
}

// check asks again for every key that was not answered, and for a hundred of
// those that were.
func (w *keyholder) check(c *client) error {
	for app, token := range w.asked {
		if err := w.again(c, app, token); err != nil {
			return err
		}
	}
	n := 0
	for app, token := range w.held { // in no order
		if n++; n > 100 {
			break
		}
		if err := w.again(c, app, token); err != nil {
			return err
		}
	}
	return nil
}

// checkAll asks again for every key.
func (w *keyholder) checkAll(c *client) error {
	for app, token := range w.held {
		if err := w.again(c, app, token); err != nil {
			return err
		}
	}
	return nil
}

// again asks outside a storm: an answer must come.
func (w *keyholder) again(c *client, app int, token string) error {
	if err := w.ask(c, app, token); err != nil {
		return err
	}
	if _, ok := w.keys[app]; !ok {
		return fmt.Errorf("getcodesecret of %s is not answered", appid(app))
	}
	return nil
}

func (w *keyholder) open() bool { return len(w.asked) > 0 }

// done: a key is made once, whoever asks.
func (w *keyholder) done() (least, most audit) {
	least = audit{}
	for app := range w.keys {
		least[doneKey(appid(app))] = 1
	}
	return least, least
}

// pause thinks for up to n milliseconds.
func pause(n int) { sleep(rand.IntN(n*1000) * 1000) }
