'use strict'
// Runs the events of one function, one after another. The runner starts this in the
// function's folder, and speaks to it on descriptor 3: frames of a length, 4 bytes with
// the highest first, and JSON. Standard output is the function's own.
//
// It gets {id, handler, event, vars, name, env, rid, memory, timeout}, without vars where
// they are as before, and answers {id, result} or {id, error: {kind, message, stack}}.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const maxResult = 1 << 20 // bytes
const maxMessage = 4000 // characters
const maxStack = 16000

// What the function may replace, as it was before.
const { parse, stringify } = JSON
const OwnPromise = Promise
const end = process.reallyExit.bind(process)
const now = Date.now
const folder = process.cwd()

// Where things stand on this host, and what is said in place of that: the function's
// code, its temporary folder, this file, and what is around them.
const places = [[folder, '/var/user'], [os.tmpdir(), '/tmp'], [__filename, 'loader.js'], [path.resolve(__dirname, '..'), '/var']]

const maxRead = 1 << 20 // characters of a text: replacing what is in more takes much memory

function shown (text, most) {
  return places.reduce((said, [place, name]) => said.replaceAll(place, name), String(text).slice(0, maxRead)).slice(0, most)
}

// member returns a text of what was thrown, which may be anything.
function member (thrown, name) {
  try {
    const value = thrown !== null && typeof thrown === 'object' ? thrown[name] : undefined
    return value === undefined ? '' : String(value)
  } catch {
    return ''
  }
}

function failure (kind, thrown) {
  let text = member(thrown, 'message')
  if (!text) {
    try { text = String(thrown) } catch { text = 'an object was thrown' }
  }
  return { kind, message: shown(text, maxMessage), stack: shown(member(thrown, 'stack'), maxStack) }
}

// entry returns the file of a handler such as index.main, and the name of its export.
function entry (handler) {
  const dot = handler.lastIndexOf('.')
  if (dot < 1) throw new Error(`the handler ${handler} does not name a file and an export, such as index.main`)
  const base = path.join(folder, handler.slice(0, dot))
  const file = ['', '.js', '.cjs', '.mjs', '/index.js', '.json'].map((end) => base + end).find((name) => {
    try { return fs.statSync(name).isFile() } catch { return false }
  })
  if (!file) throw new Error(`there is no file ${handler.slice(0, dot)}.js for the handler ${handler}`)
  return { file, name: handler.slice(dot + 1) }
}

// load returns the function of a handler, from a CommonJS or an ES module.
async function load (handler) {
  const { file, name } = entry(handler)
  let module
  try {
    module = createRequire(file)(file)
  } catch (err) {
    if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(err?.code)) throw err
    module = await import(pathToFileURL(file).href)
  }
  const main = module?.[name] ?? module?.default?.[name]
  if (typeof main !== 'function') throw new Error(`the handler ${handler} exports no function ${name}`)
  return main
}

// contextOf is what the function gets beside its event.
function contextOf (call) {
  const until = now() + call.timeout
  return {
    callbackWaitsForEmptyEventLoop: false,
    memory_limit_in_mb: call.memory,
    time_limit_in_ms: call.timeout,
    request_id: call.rid,
    environ,
    environment,
    function_version: '$LATEST',
    function_name: call.name,
    namespace: call.env,
    getRemainingTimeInMillis: () => Math.max(0, until - now())
  }
}

// run calls the function, which returns a value or a promise, or calls back.
function run (main, event, context) {
  return new OwnPromise((resolve, reject) => {
    const returned = main(event, context, (err, value) => err ? reject(err) : resolve(value))
    const calledBack = main.length > 2 && returned === undefined
    if (!calledBack) resolve(returned)
  })
}

let main // the function, once it is loaded
let environ, environment // the variables, as its context has them

function setVariables (vars) {
  Object.assign(process.env, vars)
  environ = Object.entries(vars).filter(([, value]) => !value.includes(';')).map((pair) => pair.join('=')).join(';')
  environment = stringify(vars)
}

async function answer (call) {
  const reply = (error) => stringify({ id: call.id, error })
  if (call.vars) setVariables(call.vars)
  try {
    main ??= await load(call.handler)
  } catch (err) {
    return reply(failure('load', err))
  }
  let text
  try {
    text = stringify(await run(main, call.event, contextOf(call))) ?? 'null'
  } catch (err) {
    return reply(failure('throw', err))
  }
  const size = Buffer.byteLength(text)
  if (size > maxResult) return reply({ kind: 'too_large', message: `the result has ${size} bytes`, stack: '' })
  return `{"id":${call.id},"result":${text}}`
}

const channel = new net.Socket({ fd: 3 })

function send (text) {
  const body = Buffer.from(text)
  const frame = Buffer.allocUnsafe(4 + body.length)
  frame.writeUInt32BE(body.length)
  body.copy(frame, 4)
  channel.write(frame)
}

let chunks = []
let size = 0

// The whole of a frame is there, mostly at once.
channel.on('data', (chunk) => {
  chunks.push(chunk)
  size += chunk.length
  if (size < 4) return
  if (chunks[0].length < 4) chunks = [Buffer.concat(chunks)]
  const whole = 4 + chunks[0].readUInt32BE()
  if (size < whole) return
  const frame = Buffer.concat(chunks)
  chunks = frame.length > whole ? [frame.subarray(whole)] : []
  size = frame.length - whole
  answer(parse(frame.toString('utf8', 4, whole))).then(send)
})

// Without the runner there is nothing to do.
channel.on('close', () => end(0))
channel.on('error', () => end(0))

process.argv.length = 1
delete process.report // it writes files anywhere, whatever is permitted
