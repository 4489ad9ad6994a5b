'use strict'
// The loader by itself: what it is sent on descriptor 3, in whatever pieces, and what it
// answers. go test runs this with node --test.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')

// start runs the loader on a function with that code, and returns ways to speak to it.
function start (t, code) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'loader-'))
  fs.writeFileSync(path.join(dir, 'index.js'), code)
  const child = spawn(process.execPath, [path.join(__dirname, 'loader.js')],
    { cwd: dir, env: { TMPDIR: '/nowhere/temporary' }, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  const channel = child.stdio[3]
  const answers = []
  let waiting = null
  let text = Buffer.alloc(0)
  channel.on('data', (chunk) => {
    text = Buffer.concat([text, chunk])
    while (text.length >= 4 && text.length >= 4 + text.readUInt32BE()) {
      const end = 4 + text.readUInt32BE()
      const answer = JSON.parse(text.subarray(4, end))
      text = text.subarray(end)
      answers.push(answer)
      waiting?.()
    }
  })
  t.after(() => {
    child.kill('SIGKILL')
    fs.rmSync(dir, { recursive: true, force: true })
  })
  return {
    child,
    channel,
    dir,
    async answer () {
      while (answers.length === 0) await new Promise((resolve) => { waiting = resolve })
      return answers.shift()
    }
  }
}

function frame (id, event, more) {
  const body = Buffer.from(JSON.stringify({
    id, event, handler: 'index.main', vars: { TCB_ENV: 'e' }, name: 'f', env: 'e', rid: 'r', memory: 256, timeout: 3000, ...more
  }))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

test('an event in many pieces', async (t) => {
  const f = start(t, 'exports.main = (event) => event')
  for (const byte of frame(1, { text: 'ä' })) {
    f.channel.write(Buffer.from([byte]))
    await new Promise(setImmediate)
  }
  assert.deepEqual(await f.answer(), { id: 1, result: { text: 'ä' } })
})

test('a large event, and one after another', async (t) => {
  const f = start(t, 'let n = 0; exports.main = (event) => [++n, event.length]')
  f.channel.write(frame(1, 'a'.repeat(6 << 20)))
  assert.deepEqual(await f.answer(), { id: 1, result: [1, 6 << 20] })
  f.channel.write(frame(2, ''))
  assert.deepEqual(await f.answer(), { id: 2, result: [2, 0] })
})

test('variables of each event', async (t) => {
  const f = start(t, "exports.main = (event, context) => [process.env.TOKEN, context.environ.includes('TOKEN=' + process.env.TOKEN)]")
  for (const token of ['one', 'two']) {
    f.channel.write(frame(1, {}, { vars: { TOKEN: token } }))
    assert.deepEqual((await f.answer()).result, [token, true])
  }
})

test('what it prints is its own', async (t) => {
  const f = start(t, "exports.main = () => { process.stdout.write('printed'); return 1 }")
  f.channel.write(frame(1, {}))
  assert.equal((await f.answer()).result, 1)
  assert.equal(String((await once(f.child.stdout, 'data'))[0]), 'printed')
})

test('a message shows no folder', async (t) => {
  const f = start(t, `exports.main = () => { throw new Error([__filename, require('os').tmpdir() + '/x', ${JSON.stringify(__dirname)} + '/y']) }`)
  f.channel.write(frame(1, {}))
  const { error } = await f.answer()
  assert.equal(error.message, '/var/user/index.js,/tmp/x,/var/runner/y')
  assert.ok(!error.stack.includes(f.dir))
})

test('it ends with the runner', async (t) => {
  const f = start(t, 'exports.main = () => new Promise(() => {})')
  f.channel.write(frame(1, {}))
  f.channel.destroy()
  assert.deepEqual(await once(f.child, 'exit'), [0, null])
})
