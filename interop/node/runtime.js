'use strict'
// A runtime of one's own, in a hundred lines. It runs the code that
//
//   opentcb agent ENV --code DIR --out TOKEN
//
// keeps, for a server that was started with --runtime http://127.0.0.1:9100 and
// --runtime-secret-file SECRET:
//
//   node runtime.js DIR TOKEN SECRET 9100
//
// Each event gets a worker thread, which ends with it: time and memory are bounded,
// and no state is left. That is enough for code of one's own. It keeps no stranger's
// code from anything: see docs/runtime.md.

const { timingSafeEqual } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { createServer } = require('node:http')
const path = require('node:path')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

if (isMainThread) serve(...process.argv.slice(2))
else work(workerData)

// work runs one event in its thread, and posts the result as JSON text, or why there is none.
async function work ({ folder, handler, event, context }) {
  let kind = 'load'
  try {
    const [file, name] = handler.split('.')
    const main = require(path.join(folder, file))[name]
    kind = 'throw'
    parentPort.postMessage({ result: JSON.stringify(await main(JSON.parse(event), context)) ?? 'null' })
  } catch (err) {
    parentPort.postMessage({ error: { kind, message: String(err?.message ?? err), stack: String(err?.stack) } })
  }
}

const statuses = { throw: 500, load: 500, exit: 500, timeout: 504, too_large: 413 }
const maxEvent = 6 << 20
const maxResult = 1 << 20

function serve (dir, tokenFile, secretFile, port = '9100') {
  const secret = Buffer.from(`Bearer ${readFileSync(secretFile, 'utf8').trim()}`)
  const server = createServer(async (req, res) => {
    const answer = (status, text) => {
      res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
      res.end(text)
    }
    try {
      const given = Buffer.from(req.headers.authorization ?? '')
      if (given.length !== secret.length || !timingSafeEqual(given, secret)) return answer(401, '{}')
      const [, , env, name] = /^\/(invoke)\/([^/]+)\/([^/]+)$/.exec(req.url) ?? []
      // What the agent has in place at this moment.
      const { items, api_url: api } = JSON.parse(readFileSync(path.join(dir, 'functions.json'), 'utf8'))
      const f = items.find((f) => f.name === name)
      if (req.method !== 'POST' || !f) return answer(404, '{}')
      const event = await read(req)
      const { result, error } = await run(f, event, path.join(dir, '.versions', f.sum), {
        TENCENTCLOUD_RUNENV: 'SCF',
        TCB_ENV: env,
        OPENTCB_API_URL: api,
        WX_APPID: req.headers['x-wx-appid'],
        WX_CLOUDBASE_ACCESSTOKEN: readFileSync(tokenFile, 'utf8'),
        ...Object.fromEntries(f.environment.map(({ key, value }) => [key, value]))
      }, req.headers['x-opentcb-rid'])
      answer(error ? statuses[error.kind] : 200, result ?? JSON.stringify({ error }))
    } catch (err) {
      console.error(err)
      if (!res.headersSent) answer(502, '{}')
    }
  })
  server.listen(Number(port), '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))
  process.once('SIGTERM', () => server.close()) // calls under way are answered
}

async function read (req) {
  const pieces = []
  let size = 0
  for await (const piece of req) {
    if ((size += piece.length) > maxEvent) throw new Error('an event that is too large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

// run resolves to the result of an event, or to the error that the server expects.
function run (f, event, folder, env, rid) {
  const context = { request_id: rid, function_name: f.name, namespace: env.TCB_ENV, time_limit_in_ms: f.timeout * 1000 }
  const worker = new Worker(__filename, {
    workerData: { folder, handler: f.handler, event, context }, env, argv: [], resourceLimits: { maxOldGenerationSizeMb: 256 }
  })
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve({ error: { kind: 'timeout', seconds: f.timeout } }), f.timeout * 1000)
    worker.once('message', resolve)
    worker.once('error', (err) => resolve({ error: { kind: 'throw', message: err.message, stack: err.stack } }))
    worker.once('exit', () => { clearTimeout(late); resolve({ error: { kind: 'exit' } }) })
  }).then((end) => {
    worker.terminate()
    return Buffer.byteLength(end.result ?? '') > maxResult ? { error: { kind: 'too_large' } } : end
  })
}
