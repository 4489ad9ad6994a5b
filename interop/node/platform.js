'use strict'
// What the tests of all clients share: what testdata/world.yaml holds, and
// node-easywechat's client of a platform, as a service provider sets it up.

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { OpenPlatform } = require('node-easywechat')
const { zip } = require('./server')

const one = { appid: 'wx00000000000000c1', secret: 'platform-one-secret' }
const two = { appid: 'wx00000000000000c2', secret: 'platform-two-secret' }
const miniProgram = 'wx00000000000000a1'
const token = 'EventToken'
const aesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'
const env = 'test-777bb9'
const batchEnv = 'batch-5f3c21'

// connect returns node-easywechat's application of a platform that calls the
// server. It has no verify ticket yet.
function connect (server, { appid, secret }) {
  const cache = path.join(server.dir, `cache-${crypto.randomUUID()}`)
  fs.mkdirSync(cache)
  return new OpenPlatform({
    app_id: appid,
    secret,
    token, // of pushes; a Mini Program's client insists on both
    aes_key: aesKey,
    file_cache: { path: cache },
    // A proxy of the environment must not see calls to this machine.
    http: server.intercepts ? {} : { baseURL: server.api, proxy: false }
  })
}

// call posts a JSON body to /tcb/<name> with the client's token and returns
// the answer's object.
async function call (client, name, body) {
  const response = await client.postJson(`/tcb/${name}`, body)
  if (response.getStatusCode() !== 200) throw new Error(`${name}: HTTP ${response.getStatusCode()}`) // EN-1
  return response.toObject()
}

// ask is call for a call that has to succeed.
async function ask (client, name, body) {
  const answer = await call(client, name, body)
  if (answer.errcode !== 0 || answer.errmsg !== 'ok') throw new Error(`${name}: ${answer.errcode} ${answer.errmsg}`)
  return answer
}

// headersOf takes apart the headers of getuploadsignature (UP-3).
function headersOf (lines) {
  return Object.fromEntries(lines.split('\r\n').map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1)]
  }))
}

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex')

// altered returns a token that is false (CR-10).
const altered = (token) => (token[0] === 'A' ? 'B' : 'A') + token.slice(1)

// protectedCode makes the function login and uploads its code, with calls of a
// client's and a plain HTTP request (UP-1 to UP-4).
async function protectedCode (ask, server) {
  await ask('createfunction', { env, function_name: 'login' })
  const { codesecret } = await ask('getcodesecret', {})
  const body = JSON.stringify({
    CodeSecret: codesecret, EnvId: env, FunctionName: 'login', Handler: 'index.main',
    ZipFile: zip.toString('base64'), InstallDependency: 'FALSE'
  })
  const { headers } = await ask('getuploadsignature', { hashed_payload: sha256(body) })
  const { Host, ...sent } = headersOf(headers) // fetch sets its own
  const answer = await (await fetch(server.api + '/', { method: 'POST', headers: sent, body })).json()
  if (answer.Response.Error) throw new Error(JSON.stringify(answer))
  return zip
}

module.exports = {
  aesKey, altered, ask, batchEnv, call, connect, env, headersOf, miniProgram, one, protectedCode, sha256, token, two
}
