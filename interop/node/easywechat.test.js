'use strict'
// The whole flow with node-easywechat. It knows the credential calls; it has
// no typed call for /tcb/*, so those go through its postJson.

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const {
  ask, batchEnv, call, connect, env, headersOf, miniProgram, one, sha256, two
} = require('./platform')
const { Server, zip } = require('./server')

const login = { env, function_name: 'login' }

let server
before(async () => { server = await Server.start() })
after(() => server.endedWell())

// A service provider's way from the verify ticket to the downloaded code:
// CR-1 to CR-8, CS-1 to CS-6, UT-1 to UT-6, UT-14, UP-1 to UP-6, DF-1 to DF-3.
test('the whole flow', async (t) => {
  const platform = connect(server, one)
  let mini, key
  const steps = [
    ['component token', () => componentToken(platform)],
    ['pre-auth code', () => preAuthCode(platform)],
    ['authorizer token', async () => { mini = await authorizerToken(platform) }],
    ['getcodesecret', async () => { key = await protectionKey(mini.getClient()) }],
    ['upload', () => upload(mini, key, zip)],
    ['downloadfunction', () => download(mini, zip)],
    ['usecloudaccesstoken', () => tokenPermission(mini.getClient(), env)],
    ['usecloudaccesstoken of a batch environment', () => tokenPermission(platform.getClient(), batchEnv)],
    ['another platform', () => anotherPlatform(key)]
  ]
  for (const [name, step] of steps) {
    await t.test(name, step)
  }
})

// CR-1. The client asks for the token when it first needs it.
async function componentToken (platform) {
  await platform.getVerifyTicket().setTicket(await server.ticket(platform.getAccount().getAppId()))
  const token = await platform.getComponentAccessToken().getToken()
  assert.match(token, /^[A-Za-z0-9_-]{1,512}$/) // CR-10
}

// CR-3, with component_access_token in the query.
async function preAuthCode (platform) {
  const answer = await platform.createPreAuthorizationCode()
  assert.match(answer.pre_auth_code, /^preauthcode@@@/)
  assert.equal(answer.expires_in, 1800)
  const page = new URL(await platform.createPreAuthorizationUrl('https://provider.example/authorized'))
  assert.match(page.searchParams.get('pre_auth_code'), /^preauthcode@@@/)
}

// authorizerToken goes from the consent to a Mini Program's client with a
// refreshed token (CR-4 to CR-6). The token before it is still good (CR-8).
async function authorizerToken (platform) {
  const authorization = await platform.getAuthorization(await server.authorize(one.appid, miniProgram))
  assert.equal(authorization.getAppId(), miniProgram)
  const sets = authorization.toObject().authorization_info.func_info.map((f) => f.funcscope_category.id)
  assert.deepEqual(sets.sort((a, b) => a - b), [18, 49])
  const first = await authorization.getAccessToken().getToken()
  const refreshToken = authorization.getRefreshToken()
  assert.match(refreshToken, /^refreshtoken@@@/)

  const fresh = await platform.refreshAuthorizerToken(miniProgram, refreshToken)
  assert.equal(fresh.expires_in, 7200)
  assert.equal(fresh.authorizer_refresh_token, refreshToken)
  assert.notEqual(fresh.authorizer_access_token, first)
  await ask(platform.getMiniAppWithAccessToken(miniProgram, first).getClient(), 'getcodesecret', {})
  return await platform.getMiniAppWithRefreshToken(miniProgram, refreshToken)
}

// protectionKey gets the key with an empty object and with no body at all,
// which the client sends as an empty form (CS-1 to CS-4).
async function protectionKey (client) {
  const { codesecret } = await ask(client, 'getcodesecret', {})
  assert.match(codesecret, /^[A-Za-z0-9+/]{64}$/)
  const again = (await client.post('/tcb/getcodesecret')).toObject()
  assert.deepEqual(again, { errcode: 0, errmsg: 'ok', codesecret })
  return codesecret
}

// upload makes the function and uploads its code under the key (UP-1 to UP-4).
// The body goes as bytes: as a string it would be trimmed after it was signed.
async function upload (mini, key, zip) {
  const client = mini.getClient()
  await ask(client, 'createfunction', login)
  const body = Buffer.from(JSON.stringify({
    CodeSecret: key,
    EnvId: env,
    FunctionName: login.function_name,
    Handler: 'index.main',
    ZipFile: zip.toString('base64'),
    InstallDependency: 'FALSE'
  }, null, 2) + '\n')
  const { headers } = await ask(client, 'getuploadsignature', { hashed_payload: sha256(body) })
  const response = await mini.getHttpClient().request('post', server.uploads + '/', { headers: headersOf(headers), data: body })
  assert.equal(response.getStatusCode(), 200)
  const { Response } = response.toObject()
  assert.equal(Response.Error, undefined, JSON.stringify(Response.Error))
  assert.ok(Response.RequestId)
}

// download follows the link and compares what comes with what was uploaded
// (DF-1, DF-2, DF-7).
async function download (mini, zip) {
  const { url, checksum } = await ask(mini.getClient(), 'downloadfunction', login)
  assert.equal(new URL(url).origin, new URL(server.api).origin)
  const response = await mini.getHttpClient().request('get', url, { responseType: 'arraybuffer' })
  assert.equal(response.getStatusCode(), 200)
  const got = response.getContent()
  assert.deepEqual(got, zip)
  assert.equal(sha256(got), checksum)
}

// tokenPermission reads an environment's permission, sets it as the document's
// sample does, and is refused with the version it first read (UT-2 to UT-6).
async function tokenPermission (client, env) {
  const get = { action: 'get', env }
  const before = await ask(client, 'usecloudaccesstoken', get)
  assert.deepEqual(before, { errcode: 0, errmsg: 'ok', open: true, api_whitelist: [], version: 2 })
  const permission = { open: false, api_whitelist: ['/wxa/msg_sec_check', '/cgi-bin/message/*'] }
  const set = await ask(client, 'usecloudaccesstoken', { action: 'set', env, ...permission, version: 6 })
  assert.deepEqual(set, { errcode: 0, errmsg: 'ok', open: false })
  const changed = await ask(client, 'usecloudaccesstoken', get)
  assert.deepEqual(changed, { errcode: 0, errmsg: 'ok', ...permission, version: 8 })
  const stale = await call(client, 'usecloudaccesstoken', { action: 'set', env, open: true, api_whitelist: [], version: before.version })
  assert.equal(stale.errcode, 40097)
}

// anotherPlatform of the same Mini Program has another key, and none of the
// first one's code (CS-6, DF-3).
async function anotherPlatform (key) {
  const platform = connect(server, two)
  await componentToken(platform)
  const authorization = await platform.getAuthorization(await server.authorize(two.appid, miniProgram))
  const client = platform.getMiniApp(authorization.getAccessToken()).getClient()
  const { codesecret } = await ask(client, 'getcodesecret', {})
  assert.notEqual(codesecret, key)
  const refused = await call(client, 'downloadfunction', login)
  assert.equal(refused.errcode, -501019)
  assert.equal(refused.url, undefined)
}

// The client sees the server's errcodes in its own errors: CR-1, CR-5, CR-6, CS-9.
test('refusals', async () => {
  const stranger = connect(server, one)
  await stranger.getVerifyTicket().setTicket('ticket@@@false')
  await assert.rejects(stranger.getComponentAccessToken().getToken(), /"errcode":61006,/)

  const platform = connect(server, one)
  await componentToken(platform)
  const code = await server.authorize(one.appid, miniProgram)
  await platform.getAuthorization(code)
  await assert.rejects(platform.getAuthorization(code), /"errcode":61009,/)
  await assert.rejects(platform.refreshAuthorizerToken(miniProgram, 'refreshtoken@@@false'), /"errcode":61023,/)
  assert.equal((await call(platform.getClient(), 'getcodesecret', {})).errcode, 48001)
  const false_ = platform.getMiniAppWithAccessToken(miniProgram, 'false').getClient()
  assert.equal((await call(false_, 'getcodesecret', {})).errcode, 40014)
})
