//go:build linux

package runner_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opentcb/opentcb/internal/runner"
)

// TestDeepFolder: a function makes folders within folders, deeper than a path can be long
// and a process have files open, and closes them. They are removed with its instance, and
// by the next start where that comes first.
//
// Proves: RN-6
func TestDeepFolder(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	const code = `
const fs = require('fs'), tmp = require('os').tmpdir()
exports.main = () => {
  const n = Math.floor((4000 - tmp.length) / 2)
  for (let k = 0; k < 2; k++) {
    let dir = tmp + '/' + k
    fs.mkdirSync(dir)
    for (let i = 0; i < n; i++) fs.mkdirSync(dir += '/a')
    if (k > 0) fs.renameSync(tmp + '/' + (k - 1), dir + '/b')
  }
  fs.chmodSync(tmp + '/1/a', 0)
  fs.chmodSync(tmp, 0)
  return 'deep'
}`
	t.Run("its instance ends", func(t *testing.T) {
		r := newRig(t, nil)
		r.upload(function{Name: "deep", Timeout: 60}, code)
		r.returns("deep", "{}", `"deep"`)
		r.change(func() { clear(r.functions) })
		r.until("its folder is gone", func() bool { return len(r.temporary()) == 0 })
	})
	t.Run("another runner starts", func(t *testing.T) {
		newRig(t, func(cfg *runner.Config) {
			dir := filepath.Join(cfg.Code, ".runner", "temp-1")
			for top := range 2 {
				deep := filepath.Join(dir, strings.Repeat(string(rune('a'+top))+"/", 1900))
				if err := os.MkdirAll(deep, 0o755); err != nil {
					t.Fatal(err)
				}
				if top > 0 {
					if err := os.Rename(filepath.Join(dir, string(rune('a'+top-1))), filepath.Join(deep, "b")); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	})
}

// TestWritesNothingElsewhere: whatever of Node.js writes files, it writes none outside of
// the function's temporary folder, where Node.js has a permission model.
//
// Proves: RN-6
func TestWritesNothingElsewhere(t *testing.T) {
	r := newRig(t, nil)
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if !r.node.HasPermissions() { // as docs/runtime.md says of it
		r.upload(function{Name: "file", Timeout: 60}, "exports.main = (path) => require('fs').writeFileSync(path, '')")
		r.returns("file", fmt.Sprintf("%q", dir+"/file"), "null")
		return
	}
	for name, code := range map[string]string{
		"flags": `['--redirect-code-traces', '--redirect-code-traces-to=' + dir + '/flags', '--trace-opt'].forEach(require('v8').setFlagsFromString)
			const add = new Function('n', 'let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s')
			for (let i = 0; i < 2000; i++) add(1000)`,
		"report": `Object.assign(process.report, { reportOnFatalError: true, directory: dir, filename: 'report' })
			const all = []
			for (;;) all.push(new Array(1000).fill(all.length))`,
		"report-now": `process.report.writeReport(dir + '/report-now')`,
		"sqlite":     `new (require('node:sqlite').DatabaseSync)(dir + '/sqlite').exec('CREATE TABLE a (b)')`,
		"file":       `require('fs').writeFileSync(dir + '/file', '')`,
	} {
		r.upload(function{Name: name, Timeout: 60}, `exports.main = (dir) => {`+code+`}`)
		event, _ := json.Marshal(dir)
		status, body := r.call(name, string(event))
		if status != http.StatusInternalServerError || !strings.Contains(body, `"kind":"throw"`) && !strings.Contains(body, `"kind":"exit"`) {
			t.Errorf("%s: %d %.300s", name, status, body)
		}
	}
	if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) > 0 {
		t.Errorf("outside of its folder are %q, %v", left, err)
	}
}

// TestOddAnswers: a message of any length is answered by its beginning, and a frame that
// tells neither a result nor a failure is none. A function that writes frames without end
// is ended before its time is over.
//
// Proves: IV-7
func TestOddAnswers(t *testing.T) {
	r := newRig(t, nil)
	r.upload(function{Name: "long", Timeout: 60}, `exports.main = () => { throw new Error('begin ' + 'a'.repeat(60 << 20)) }`)
	r.fails("long", "{}", http.StatusInternalServerError, "throw", "begin aaa")
	r.upload(function{Name: "empty", Timeout: 60}, `exports.main = () => { const b = Buffer.from('....{"id":1}')
		b.writeUInt32BE(b.length - 4); require('fs').writeSync(3, b); return new Promise(() => {}) }`)
	r.fails("empty", "{}", http.StatusInternalServerError, "exit", "")
	r.upload(function{Name: "flood", Timeout: 60}, `exports.main = () => {
		const b = Buffer.from('....{"id":99,"result":[' + '1,'.repeat(500000) + '1]}')
		b.writeUInt32BE(b.length - 4)
		for (let n = 0; ;) try { n = (n + require('fs').writeSync(3, b, n)) % b.length } catch (err) { if (err.code !== 'EAGAIN') throw err } }`)
	r.fails("flood", "{}", http.StatusInternalServerError, "exit", "")
}
