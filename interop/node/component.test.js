'use strict'
// wechat-component: it renews a token on 40001 only.

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const { promisify } = require('node:util')
const Component = require('wechat-component')
const { altered, miniProgram, one } = require('./platform')
const { Server } = require('./server')

let server
before(async () => { server = await Server.start('--invalid-token', '40001') })
after(() => server.endedWell())

// connect returns the client of the platform.
function connect () {
  const component = new Component(one.appid, one.secret,
    (callback) => server.ticket(one.appid).then((ticket) => callback(null, ticket), callback))
  component.prefix = server.api + '/cgi-bin/component/'
  return component
}

// authorized returns the client of the Mini Program after the merchant's
// consent (CR-3 to CR-5), with a method for getcodesecret made as the
// library makes its own.
async function authorized (component) {
  const ask = (name, ...args) => promisify(component[name].bind(component))(...args)
  assert.match((await ask('createPreAuthCode')).pre_auth_code, /^preauthcode@@@/)
  const { authorization_info: info } = await ask('queryAuth', await server.authorize(one.appid, miniProgram))
  const kept = {
    accessToken: info.authorizer_access_token,
    expireTime: Date.now() + info.expires_in * 1000,
    refreshToken: info.authorizer_refresh_token
  }
  const client = component.getAPI(miniProgram,
    (callback) => callback(null, kept),
    (token, callback) => { Object.assign(kept, token); callback(null) })
  const request = (callback) => client.request(`${server.api}/tcb/getcodesecret?access_token=${client.token.accessToken}`,
    { dataType: 'json', type: 'POST', data: {}, headers: { 'Content-Type': 'application/json' } }, callback)
  const getCodeSecret = promisify((...args) => client.preRequest(request, args))
  return { getCodeSecret, kept }
}

test('a false token is renewed by the client itself [EN-14, CR-6]', async () => {
  const { getCodeSecret, kept } = await authorized(connect())
  const first = await getCodeSecret()
  assert.match(first.codesecret, /^[A-Za-z0-9+/]{64}$/)
  const before = kept.accessToken
  kept.accessToken = altered(before)
  assert.deepEqual(await getCodeSecret(), first)
  assert.notEqual(kept.accessToken, altered(before))
  assert.notEqual(kept.accessToken, before)
})

test('a false component token is renewed by the client itself [EN-14, CR-1]', async () => {
  const component = connect()
  await authorized(component)
  const before = component.token.accessToken
  component.token.accessToken = altered(before)
  await authorized(component)
  assert.notEqual(component.token.accessToken, altered(before))
})
