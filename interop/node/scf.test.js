'use strict'
// tencentcloud-sdk-nodejs-scf, Tencent's own client of the interface that an
// upload is: what it sends besides the signature is what it sends to the real
// platform, content type and host included.

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const sdk = require('tencentcloud-sdk-nodejs-scf')
const sign = require('tencentcloud-sdk-nodejs-common/tencentcloud/common/sign').default
const { ask, connect, env, headersOf, miniProgram, one, sha256 } = require('./platform')
const { Server, zip } = require('./server')

let server, client
before(async () => {
  server = await Server.start()
  const platform = connect(server, one)
  await platform.getVerifyTicket().setTicket(await server.ticket(one.appid))
  const authorization = await platform.getAuthorization(await server.authorize(one.appid, miniProgram))
  client = platform.getMiniApp(authorization.getAccessToken()).getClient()
})
after(() => server.endedWell())

// issued lets the SDK send what the server signed: the signature, its time and
// the token are the server's, all else is the SDK's.
async function issued (t, request) {
  const { headers } = await ask(client, 'getuploadsignature', { hashed_payload: sha256(JSON.stringify(request)) })
  const lines = headersOf(headers)
  t.mock.method(sign, 'sign3', () => lines.Authorization)
  t.mock.method(Date.prototype, 'getTime', () => Number(lines['X-TC-Timestamp']) * 1000)
  return lines
}

// updateFunctionCode uploads by the SDK's method, to the server by that host.
async function updateFunctionCode (t, request, host) {
  const lines = await issued(t, request)
  const scf = new sdk.scf.v20180416.Client({
    credential: { secretId: 'issued', secretKey: 'issued', token: lines['X-TC-Token'] },
    region: lines['X-TC-Region'],
    profile: { httpProfile: { protocol: 'http://', endpoint: host } }
  })
  return await scf.request('UpdateFunctionCode', request)
}

test('an upload, by either name of the server [UP-3, UP-4]', async (t) => {
  const { codesecret } = await ask(client, 'getcodesecret', {})
  const { port, host } = new URL(server.api)
  for (const name of [host, `localhost:${port}`]) {
    await t.test(name, async (t) => {
      const login = { env, function_name: `login-${name.split(/[.:]/)[0]}-x` }
      await ask(client, 'createfunction', login)
      const request = {
        CodeSecret: codesecret,
        EnvId: env,
        FunctionName: login.function_name,
        Handler: 'index.main',
        ZipFile: zip.toString('base64'),
        InstallDependency: 'FALSE'
      }
      assert.ok((await updateFunctionCode(t, request, name)).RequestId)
      t.mock.restoreAll()
      assert.equal((await ask(client, 'downloadfunction', login)).checksum, sha256(zip))
    })
  }
})

test('a refusal is one of the SDK [UP-5]', async (t) => {
  const request = { CodeSecret: 'x'.repeat(64), EnvId: env, FunctionName: 'login', Handler: 'index.main', ZipFile: '' }
  await assert.rejects(updateFunctionCode(t, request, new URL(server.api).host),
    (err) => /^(InvalidParameterValue|MissingParameter|ResourceNotFound)/.test(err.code))
})
