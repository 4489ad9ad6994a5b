'use strict'
// The loop with the runner: node-easywechat uploads a function and has it run, and the
// official SDK of functions, brought in the zip, loads and knows whose call it is.

const assert = require('node:assert/strict')
const { execFile, spawn } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { after, before, test } = require('node:test')
const { promisify } = require('node:util')
const { ask, connect, env, miniProgram, one, protectedCode } = require('./platform')
const { Server } = require('./server')

const run = promisify(execFile)

let server, client, folder, runner
let log = ''

// freePort returns a port of this machine that nobody has.
async function freePort () {
  const listener = net.createServer()
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address()
  await new Promise((resolve) => listener.close(resolve))
  return port
}

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'opentcb-interop-runner-'))
  fs.chmodSync(folder, 0o711) // for the user that functions run as
  const secret = path.join(folder, 'secret')
  fs.writeFileSync(secret, 'the-secret-of-the-runtime', { mode: 0o600 })
  const address = `127.0.0.1:${await freePort()}`
  server = await Server.start('--runtime', `http://${address}`, '--runtime-secret-file', secret, '--invoke-timeout', '2m')
  const credential = path.join(folder, 'credential')
  const { stdout } = await run(server.bin, ['env-credential', env, '--code', '--admin', server.admin, '--data', server.data])
  fs.writeFileSync(credential, stdout, { mode: 0o600 })
  const user = process.getuid() === 0 ? ['--user', 'nobody'] : []
  runner = spawn(server.bin, ['runner', '--env', `${env}=${credential}`, '--listen', address, '--secret-file', secret,
    '--code', path.join(folder, 'code'), '--admin', server.admin, ...user], { stdio: ['ignore', 'pipe', 'pipe'] })
  runner.stderr.on('data', (piece) => { log += piece })
  const ready = new Promise((resolve) => runner.stdout.once('data', resolve))
  const ended = new Promise((resolve, reject) => runner.once('exit', () => reject(new Error(log))))
  await Promise.race([ready, ended])
  const platform = connect(server, one)
  await platform.getVerifyTicket().setTicket(await server.ticket(one.appid))
  const authorization = await platform.getAuthorization(await server.authorize(one.appid, miniProgram))
  client = platform.getMiniApp(authorization.getAccessToken()).getClient()
})

after(async () => {
  const end = new Promise((resolve) => runner.once('exit', resolve))
  runner.kill('SIGTERM')
  assert.equal(await end, 0, log)
  await run('chmod', ['-R', 'u+w', folder])
  fs.rmSync(folder, { recursive: true, force: true })
  await server.endedWell()
})

// invoke has a function run, as node-easywechat calls what it has no name for.
async function invoke (name, event) {
  const response = await client.postJson(`/tcb/invokecloudfunction?env=${env}&name=${name}`, event)
  const answer = response.toObject()
  assert.equal(answer.errcode, 0, `${JSON.stringify(answer)}\n${log}`)
  return JSON.parse(answer.resp_data)
}

test('node-easywechat uploads and has it run [IV-1, RN-2]', async () => {
  await protectedCode((name, body) => ask(client, name, body), server)
  assert.deepEqual(await invoke('login', { openid: 'me' }), { openid: 'me' })
})

for (const [sdk, version] of [['sdk2', '2.6.3'], ['sdk4', '4.0.2']]) {
  test(`wx-server-sdk ${version}, brought in the zip [RN-4]`, async () => {
    await run(server.bin, ['deploy', env, sdk, path.join(__dirname, sdk), '--admin', server.admin, '--data', server.data])
    const config = JSON.stringify({ timeout: 100 }) // a busy machine takes a while to load thousands of files
    await ask(client, 'uploadfuncconfig', { type: 3, env, function_name: sdk, config })
    const end = Date.now() + 300_000
    for (;;) { // thousands of files take the runner a while to sync
      try {
        const got = await invoke(sdk, {})
        assert.deepEqual(got.context, { APPID: miniProgram, ENV: env, SOURCE: 'wx_http' })
        return
      } catch (err) {
        if (Date.now() > end || !/-504001/.test(err.message)) throw err
      }
    }
  })
}
