'use strict'
// runtime.js, an operator's own runtime, behind a server: node-easywechat uploads and
// invokes, and what runs is the code of the agent's folder.

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { after, before, test } = require('node:test')
const { ask, connect, env, miniProgram, one, protectedCode } = require('./platform')
const { Server } = require('./server')

let dir, server, runtime, address, agent, client
before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'opentcb-runtime-'))
  const [code, token, secret] = ['code', 'token', 'secret'].map((name) => path.join(dir, name))
  fs.writeFileSync(secret, 'a secret of server and runtime', { mode: 0o600 })
  runtime = spawn(process.execPath, [path.join(__dirname, 'runtime.js'), code, token, secret, '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  address = await new Promise((resolve, reject) => {
    readline.createInterface({ input: runtime.stdout }).once('line', (line) => resolve(line.replace('ready ', '')))
    runtime.once('exit', () => reject(new Error('the runtime ended')))
  })
  server = await Server.start('--runtime', address, '--runtime-secret-file', secret)
  const platform = connect(server, one)
  await platform.getVerifyTicket().setTicket(await server.ticket(one.appid))
  const authorization = await platform.getAuthorization(await server.authorize(one.appid, miniProgram))
  client = platform.getMiniApp(authorization.getAccessToken()).getClient()
  const credential = execFileSync(server.bin, ['env-credential', env, '--code', '--admin', server.admin, '--data', server.data],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  agent = spawn(server.bin, ['agent', env, '--code', code, '--out', token, '--admin', server.admin],
    { env: { ...process.env, OPENTCB_ENV_CREDENTIAL: credential.trim() }, stdio: ['ignore', 'ignore', 'inherit'] })
  await until(() => fs.existsSync(token) && fs.existsSync(path.join(code, 'functions.json')))
})
after(async () => {
  for (const process of [agent, runtime]) process?.kill('SIGTERM')
  await server?.endedWell()
  execFileSync('chmod', ['-R', 'u+w', dir]) // the agent's folders are read-only
  fs.rmSync(dir, { recursive: true, force: true })
})

// until waits for what comes by itself, however loaded the machine is.
async function until (holds) {
  for (const end = Date.now() + 60_000; !await holds(); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (Date.now() > end) throw new Error('it has not come within a minute')
  }
}

// deploy replaces a function's code, as the merchant's own developer does.
async function deploy (name, text) {
  const source = path.join(dir, `source-${name}`)
  fs.mkdirSync(source, { recursive: true })
  fs.writeFileSync(path.join(source, 'index.js'), text)
  const out = execFileSync(server.bin, ['deploy', env, name, source, '--json', '--admin', server.admin, '--data', server.data],
    { encoding: 'utf8' })
  await inPlace(name, (f) => f.sum === JSON.parse(out).sha256)
}

// inPlace waits until a function of the agent's folder is as it should be.
function inPlace (name, fits) {
  return until(() => JSON.parse(fs.readFileSync(path.join(dir, 'code', 'functions.json'), 'utf8')).items
    .some((f) => f.name === name && fits(f)))
}

// configure replaces how a function is configured, as its platform does.
async function configure (name, config) {
  await ask(client, 'uploadfuncconfig', { type: 3, env, function_name: name, config: JSON.stringify(config) })
  await inPlace(name, (f) => f.timeout === config.timeout)
}

// invoke has a function run by the client, whose requests have its token in the query.
async function invoke (name, event = {}) {
  const response = await client.request('POST', '/tcb/invokecloudfunction', { json: event, params: { env, name } })
  return response.toObject()
}

test('node-easywechat uploads protected code, and has it run', async () => {
  await protectedCode((name, body) => ask(client, name, body), server)
  await inPlace('login', () => true)
  const answer = await invoke('login', { user: 'Zhang' })
  assert.deepEqual(answer, { errcode: 0, errmsg: 'ok', resp_data: answer.resp_data })
  JSON.parse(answer.resp_data)
})

test('the code of the agent\'s folder runs, and new code soon', async () => {
  await deploy('hello', 'exports.main = async (event, context) => ({ event, name: context.function_name, env: process.env.TCB_ENV })')
  const answer = await invoke('hello', { user: 'Zhang' })
  assert.equal(answer.errcode, 0, answer.errmsg)
  assert.deepEqual(JSON.parse(answer.resp_data),
    { event: { user: 'Zhang', userInfo: { appId: miniProgram } }, name: 'hello', env })
  await deploy('hello', 'exports.main = () => 2')
  assert.equal((await invoke('hello')).resp_data, '2')
})

test('a configured function makes a cloud call, which the whitelist judges', async () => {
  await deploy('check', `exports.main = async () => {
    const { GREETING, OPENTCB_API_URL, WX_CLOUDBASE_ACCESSTOKEN } = process.env
    const url = OPENTCB_API_URL + '/wxa/msg_sec_check?cloudbase_access_token=' + WX_CLOUDBASE_ACCESSTOKEN
    return [GREETING, (await (await fetch(url, { method: 'POST', body: '{}' })).json()).errcode]
  }`)
  await configure('check', { timeout: 7, environment: [{ key: 'GREETING', value: 'hi; there' }] })
  const check = async () => JSON.parse((await invoke('check')).resp_data)
  const set = (version, list) => ask(client, 'usecloudaccesstoken',
    { action: 'set', env, open: true, api_whitelist: list, version })
  const { version } = await ask(client, 'usecloudaccesstoken', { action: 'get', env })
  await set(version + 2, ['/wxa/msg_sec_check'])
  assert.deepEqual(await check(), ['hi; there', 0])
  await set(version + 4, [])
  assert.deepEqual(await check(), ['hi; there', 85107])
})

test('a function that fails is told as what it did', async () => {
  const endings = {
    throws: ['() => { throw new Error("no such user") }', -504002, 'no such user'],
    rejects: ['async () => { throw "plain" }', -504002, 'plain'],
    loads: ['oh no', -504002, ''],
    exits: ['() => process.exit(1)', -504002, '145 code exit unexpected'],
    never: ['() => new Promise(() => setInterval(() => {}, 1000))', -504003, 'timed out after 1 seconds'],
    spins: ['() => { for (;;); }', -504003, 'timed out after 1 seconds'],
    large: ['() => "x".repeat(2 << 20)', -604001, ''],
    undefined: ['() => {}', 0, 'ok']
  }
  for (const [name, [main, code, message]] of Object.entries(endings)) {
    await deploy(name, `exports.main = ${main}`)
    await configure(name, { timeout: 1 })
    const answer = await invoke(name)
    assert.equal(answer.errcode, code, `${name}: ${answer.errmsg}`)
    assert.ok(answer.errmsg.includes(message), `${name}: ${answer.errmsg}`)
  }
})

test('nobody else has a function run', async () => {
  for (const authorization of ['', 'Bearer x', 'Bearer a secret of server and runtimE']) {
    const answer = await fetch(`${address}/invoke/${env}/hello`, { method: 'POST', body: '{}', headers: { authorization } })
    assert.equal(answer.status, 401)
  }
})
