'use strict'
// co-wechat-open-api: it renews a token on 40001 and 42001 only, and adds
// access_token to whatever it fetches.

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const { API, ComponentAPI } = require('co-wechat-open-api')
const { altered, env, miniProgram, one, protectedCode, sha256 } = require('./platform')
const { Server } = require('./server')

let server, platform
before(async () => {
  server = await Server.start('--invalid-token', '40001')
  platform = connect()
})
after(() => server.endedWell())

// connect returns the client of the platform, which keeps its token in store.
function connect () {
  const client = new ComponentAPI({
    componentAppId: one.appid,
    componentAppSecret: one.secret,
    getComponentTicket: () => server.ticket(one.appid),
    getComponentToken: async () => client.store,
    saveComponentToken: async (token) => { client.store = token }
  })
  client.prefix = server.api + '/cgi-bin/'
  return client
}

// authorized returns the client of the Mini Program after the merchant's
// consent (CR-3 to CR-5). It keeps its refresh token when it drops its token.
async function authorized () {
  assert.match((await platform.getPreAuthCode()).pre_auth_code, /^preauthcode@@@/)
  const { authorization_info: info } = await platform.getAuthorizationInfo(await server.authorize(one.appid, miniProgram))
  const kept = {
    accessToken: { accessToken: info.authorizer_access_token, expireTime: Date.now() + info.expires_in * 1000 },
    refreshToken: info.authorizer_refresh_token
  }
  const client = new API({
    componentApi: platform,
    authorizerAppId: miniProgram,
    getToken: async () => kept,
    saveToken: async (token, refreshToken) => {
      kept.accessToken = token
      kept.refreshToken = refreshToken ?? kept.refreshToken
    }
  })
  client.prefix = server.api + '/cgi-bin/'
  return { client, kept }
}

// call posts as the client's own methods do.
async function call (client, name, body) {
  const { accessToken } = await client.ensureAccessToken()
  return await client.request(`${server.api}/tcb/${name}?access_token=${accessToken}`,
    { method: 'POST', data: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })
}

test('a false token is renewed by the client itself [EN-14, CR-6]', async () => {
  const { client, kept } = await authorized()
  const { codesecret } = await call(client, 'getcodesecret', {})
  const first = kept.accessToken.accessToken
  kept.accessToken.accessToken = altered(first)
  assert.equal((await call(client, 'getcodesecret', {})).codesecret, codesecret)
  assert.notEqual(kept.accessToken.accessToken, altered(first))
  assert.notEqual(kept.accessToken.accessToken, first)
})

test('a path without interface keeps its code [EN-10]', async () => {
  const { client } = await authorized()
  await assert.rejects(call(client, 'nosuchinterface', {}), { name: 'WeChatAPIError', code: 40066 })
})

test('a link takes the token that the client adds [DF-8]', async () => {
  const { client } = await authorized()
  const zip = await protectedCode((name, body) => call(client, name, body), server)
  const { url, checksum } = await call(client, 'downloadfunction', { env, function_name: 'login' })
  const { accessToken } = await client.ensureAccessToken()
  const got = await client.request(`${url}?access_token=${accessToken}`)
  assert.deepEqual(got, zip)
  assert.equal(sha256(got), checksum)
})
