'use strict'
// A running opentcb binary with the world of testdata.

const assert = require('node:assert/strict')
const { execFile, execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { promisify } = require('node:util')

const run = promisify(execFile)
const root = path.join(__dirname, '..', '..')
const testdata = path.join(__dirname, '..', 'testdata')

// The line that `opentcb serve` prints once it answers requests.
const readyLine = /^ready api=(http:\/\/\S+) admin=(http:\/\/\S+)(?: intercept=\S+)?$/

// The variable of a process that goes through the proxy of a server: what operator()
// needs of it, as JSON.
const intercepting = 'OPENTCB_INTEROP_INTERCEPTING'

// binary returns the path of the opentcb binary: OPENTCB_BIN, or one that it
// builds from this checkout into dir.
function binary (dir) {
  if (process.env.OPENTCB_BIN) return process.env.OPENTCB_BIN
  const bin = path.join(dir, 'opentcb')
  execFileSync('go', ['build', '-o', bin, './cmd/opentcb'],
    { cwd: root, env: { ...process.env, CGO_ENABLED: '0' }, stdio: 'inherit' })
  return bin
}

class Server {
  // start runs the server, with more flags than every test needs, and resolves
  // when it is ready. stop() ends it.
  static async start (...flags) {
    const s = new Server()
    if (process.env[intercepting]) { // the server is another process's
      return Object.assign(s, JSON.parse(process.env[intercepting]), {
        api: 'https://api.weixin.qq.com', uploads: 'https://scf.tencentcloudapi.com', intercepts: true, endedWell: async () => {}
      })
    }
    s.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'opentcb-interop-'))
    s.data = path.join(s.dir, 'data')
    s.log = ''
    try {
      s.bin = binary(s.dir)
      s.process = spawn(s.bin, ['serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0',
        '--data', s.data, '--world', path.join(testdata, 'world.yaml'), ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
      s.ended = new Promise((resolve, reject) => {
        s.process.once('error', reject)
        s.process.once('exit', (code, signal) => resolve({ code, signal }))
      })
      s.process.stderr.on('data', (piece) => { s.log += piece })
      await s.ready()
    } catch (err) {
      s.process?.kill('SIGKILL')
      fs.rmSync(s.dir, { recursive: true, force: true })
      throw err
    }
    return s
  }

  async ready () {
    const lines = readline.createInterface({ input: this.process.stdout })
    const line = new Promise((resolve) => {
      lines.on('line', (text) => { if (readyLine.test(text)) resolve(text) })
    })
    const late = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ready line within 20 s\n${this.log}`)), 20_000).unref()
    })
    const gone = this.ended.then(({ code, signal }) => {
      throw new Error(`the server ended (${signal ?? code}) without a ready line\n${this.log}`)
    })
    gone.catch(() => {}) // later, its end is what stop() waits for
    const found = readyLine.exec(await Promise.race([line, late, gone]))
    this.api = this.uploads = found[1]
    this.admin = found[2]
  }

  // unmodified runs a file of tests in another process, where nothing points the
  // client at the server but the variables that the command prints.
  async unmodified (file) {
    const { stdout } = await run(this.bin, ['intercept', 'env', '--json', '--admin', this.admin, '--data', this.data])
    const { bin, admin, data, dir } = this
    const env = { ...process.env, ...JSON.parse(stdout), [intercepting]: JSON.stringify({ bin, admin, data, dir }) }
    delete env.NODE_TEST_CONTEXT // the tests of that process are not this one's
    try {
      await run(process.execPath, ['--test', path.join(__dirname, file)], { env })
    } catch (err) {
      throw new Error(err.stdout)
    }
  }

  // stop ends the server the way an operator does and returns how it ended:
  // code is its exit status, or null if it had to be killed.
  async stop () {
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 40_000)
    this.process.kill('SIGTERM')
    const end = await this.ended
    clearTimeout(kill)
    fs.rmSync(this.dir, { recursive: true, force: true })
    return end
  }

  // endedWell stops the server and expects the exit status 0.
  async endedWell () {
    const end = await this.stop()
    assert.equal(end.code, 0, `SIGTERM: the server ended with ${JSON.stringify(end)}\n${this.log}`)
  }

  // operator runs a command of the operator against the server and returns the
  // part of its output that begins with prefix.
  async operator (prefix, ...args) {
    const { stdout } = await run(this.bin, [...args, '--admin', this.admin, '--data', this.data])
    const start = stdout.indexOf(prefix)
    if (start < 0) throw new Error(`opentcb ${args.join(' ')} printed no ${prefix}…: ${stdout}`)
    return /^[^\s"]+/.exec(stdout.slice(start))[0]
  }

  // ticket returns a platform's current verify ticket (CR-2).
  ticket (platform) {
    return this.operator('ticket@@@', 'ticket', platform)
  }

  // authorize is the merchant's consent; it returns an authorization code (CR-4).
  authorize (platform, appid) {
    return this.operator('queryauthcode@@@', 'authorize', platform, appid, '--sets', '18,49')
  }
}

// zip is code to upload.
const zip = fs.readFileSync(path.join(testdata, 'login.zip'))

module.exports = { Server, zip }
