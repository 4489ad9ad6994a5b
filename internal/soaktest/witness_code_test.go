//go:build linux

package soaktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// uploader uploads code over a function of its own again and again, while it
// also downloads it.
type uploader struct {
	app, size int // the largest zip, in bytes
	key       string
	n         uint64

	mu       sync.Mutex
	sums     map[string]bool // of all code ever sent
	now      string          // what was answered last, "" for no code
	sent     string          // what was not answered
	updates  audit
	possible audit
}

// newUploader makes the function and gets the key, which must be answered.
func newUploader(app, size int, c *client) (*uploader, error) {
	w := &uploader{app: app, size: size, sums: map[string]bool{"": true}, updates: audit{}, possible: audit{}}
	err := c.createFunction(w.env(), w.function())
	if err == nil {
		w.key, err = c.codeSecret()
	}
	return w, err
}

func (w *uploader) env() string      { return envid(w.app, 1) }
func (w *uploader) function() string { return "code" }

// work uploads and downloads at once.
func (w *uploader) work(ctx context.Context, c *client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var reading error
	wg.Go(func() { reading = w.read(ctx, c) })
	err := w.write(ctx, c)
	cancel()
	wg.Wait()
	return errors.Join(err, reading)
}

func (w *uploader) write(ctx context.Context, c *client) error {
	for ctx.Err() == nil {
		w.n++
		code := newZip(uint64(w.app)<<20+w.n, 1000+rand.IntN(w.size))
		what := doneCode(w.env(), w.function(), sumOf(code))
		w.mu.Lock()
		w.sums[sumOf(code)], w.sent, w.possible[what] = true, sumOf(code), 1
		w.mu.Unlock()
		ok, err := answered(c.upload(w.env(), w.function(), w.key, code))
		if err != nil || !ok {
			return err
		}
		w.settle(sumOf(code))
		pause(10)
	}
	return nil
}

// settle notes what the function's code is now.
func (w *uploader) settle(sum string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent == sum && sum != "" {
		w.updates[doneCode(w.env(), w.function(), sum)] = 1
	} else if w.sent != "" {
		w.possible[doneCode(w.env(), w.function(), w.sent)] = 0
	}
	w.now, w.sent = sum, ""
}

// read downloads while uploads go on: always one whole zip that was sent.
func (w *uploader) read(ctx context.Context, c *client) error {
	for ctx.Err() == nil {
		sum, err := c.download(w.env(), w.function())
		ok, err := answered(err)
		if err != nil || !ok {
			return err
		}
		w.mu.Lock()
		sent := w.sums[sum]
		w.mu.Unlock()
		if !sent {
			return fmt.Errorf("UP-6: a download has the hash %s, which nobody sent", sum)
		}
		pause(20)
	}
	return nil
}

func (w *uploader) check(c *client) error {
	sum, err := c.download(w.env(), w.function())
	if err != nil {
		return err
	}
	if sum != w.now && (w.sent == "" || sum != w.sent) {
		return fmt.Errorf("UP-6: the code is %q; it was told %q; not answered: %q", sum, w.now, w.sent)
	}
	w.settle(sum)
	return nil
}

func (w *uploader) open() bool { return w.sent != "" }

func (w *uploader) done() (least, most audit) { return w.updates, w.possible }
