package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// hostileCode is a function that does harm in the way that its event says.
const hostileCode = `exports.main = (kind) => kinds[kind]()
const all = []
const kinds = {
  throws () { throw new Error('no') },
  exits () { process.exit(1) },
  'never returns' () { for (;;); },
  'never settles' () { return new Promise(() => {}) },
  'floods its output' () { for (;;) console.log('a line of output') },
  'allocates a heap' () { for (;;) all.push({ a: [all.length] }) },
  'allocates buffers' () { for (;;) all.push(Buffer.alloc(1 << 20, 1)) },
  'opens 1,000 files' () { for (let n = 0; n < 1000; n++) require('fs').openSync(require('os').tmpdir() + '/' + n, 'w') },
  'returns 2 MiB' () { return 'a'.repeat(2 << 20) }
}
`

// hostileKinds are the ways of hostileCode.
var hostileKinds = []string{
	"throws", "exits", "never returns", "never settles", "floods its output", "allocates a heap", "allocates buffers",
	"opens 1,000 files", "returns 2 MiB",
}

// goodClients call the good function at once, one for each of its processes.
const goodClients = 4

// besideHostile measures the calls of a function while another does harm again and again,
// against a time just before in which nobody does.
func (s *session) besideHostile(call func(name string) string) (rows []row, err error) {
	for _, kind := range hostileKinds {
		r := row{Name: "function, p99 beside one that " + kind, Figure: ratio, Unit: "ms", Goal: goal{"<=", 2}}
		for range s.pairs {
			alone, err := hammer(call("warm"), goodClients, 0, s.duration)
			if err != nil {
				return nil, err
			}
			end := harm(s.ctx, call("hostile"), kind)
			beside, err := hammer(call("warm"), goodClients, 0, s.duration)
			end()
			if err != nil {
				return nil, err
			}
			r.add(milliseconds(at(beside, 99)), milliseconds(at(alone, 99)))
		}
		s.progress("functions beside one that %s: %.2v; alone %.2v", kind, r.Real, r.Base)
		rows = append(rows, r)
	}
	return rows, nil
}

// harm has the hostile function run, one call after the other, until the function that it
// returns is called, which waits for the last: an event runs on without its caller.
func harm(ctx context.Context, url, kind string) (end func()) {
	var stop atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil && !stop.Load() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`"`+kind+`"`))
			if err != nil {
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil { // its answer is an error, as it should be
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
	})
	return func() {
		stop.Store(true)
		group.Wait()
	}
}
