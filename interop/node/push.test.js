'use strict'
// node-easywechat receives the ticket and all three events, and exchanges the
// pushed codes from inside the receiver; wechat-crypto opens the same pushes:
// PU-2 to PU-9.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const { after, before, test } = require('node:test')
const { ServerRequest } = require('node-easywechat')
const WXBizMsgCrypt = require('wechat-crypto')
const { aesKey, connect, miniProgram, token, two } = require('./platform')
const { Server } = require('./server')

let server
before(async () => { server = await Server.start() })
after(() => server.endedWell())

// pushTo lets the server push a platform's ticket and events to a URL.
async function pushTo (platform, url) {
  const admin = fs.readFileSync(path.join(server.data, 'admin-token'), 'utf8').trim()
  const answer = await fetch(`${server.admin}/v1/platforms/${platform}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${admin}` },
    body: JSON.stringify({ events: [{ url, token, aes_key: aesKey }] })
  })
  assert.equal(answer.status, 200, await answer.text())
}

// opened is what wechat-crypto makes of a push.
function opened (url, body) {
  const crypt = new WXBizMsgCrypt(token, aesKey, two.appid)
  const query = new URL(url, 'http://localhost').searchParams
  const sealed = /<Encrypt><!\[CDATA\[(.*)\]\]><\/Encrypt>/.exec(body)[1]
  assert.equal(query.get('msg_signature'), crypt.getSignature(query.get('timestamp'), query.get('nonce'), sealed))
  const { message, id } = crypt.decrypt(sealed)
  assert.equal(id, two.appid)
  return message
}

test('the ticket and the events are received', async (t) => {
  const platform = connect(server, two)
  const came = []
  let wake = () => {}
  const next = async (kind) => {
    const late = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${kind} within 60 s`)), 60_000).unref()
    })
    while (came.length === 0) await Promise.race([late, new Promise((resolve) => { wake = resolve })])
    const event = came.shift()
    if (event instanceof Error) throw event
    assert.equal(event.kind, kind)
    assert.match(event.message, new RegExp(`^<xml><AppId><!\\[CDATA\\[${two.appid}\\]\\]></AppId>\n`))
    assert.match(event.message, new RegExp(`<InfoType><!\\[CDATA\\[${kind}\\]\\]></InfoType>\n`))
    return event
  }
  const exchange = async (message) => {
    const authorization = await platform.getAuthorization(message.get('AuthorizationCode'))
    assert.equal(authorization.getAppId(), message.get('AuthorizerAppid'))
  }
  // The client's server is for one request: it keeps the signature of the first.
  const serve = (request) => {
    const server = platform.setServer(null).setRequest(request).getServer()
    server.handleAuthorized(async (message, next) => { await exchange(message); return next(message) })
    server.handleAuthorizeUpdated(async (message, next) => { await exchange(message); return next(message) })
    return server.serve()
  }
  const receiver = http.createServer(async (req, res) => {
    try {
      const request = await ServerRequest.createFromIncomingMessage(req)
      const body = request.getBody().toString()
      const response = await serve(request)
      const answer = response.getBody().toString()
      assert.equal(answer, 'success')
      res.end(answer)
      const message = opened(req.url, body)
      came.push({ message, kind: /<InfoType><!\[CDATA\[(.*)\]\]>/.exec(message)[1] })
    } catch (err) {
      res.writeHead(500).end()
      came.push(err)
    }
    wake()
  })
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  t.after(() => receiver.close())
  await pushTo(two.appid, `http://127.0.0.1:${receiver.address().port}/events`)
  await next('component_verify_ticket')
  await server.authorize(two.appid, miniProgram)
  await next('authorized')
  await server.operator('queryauthcode@@@', 'authorize', two.appid, miniProgram, '--sets', '18,49,64')
  await next('updateauthorized')
  await server.operator('', 'revoke', two.appid, miniProgram)
  await next('unauthorized')
  // With the token that the pushed ticket brought:
  assert.match((await platform.createPreAuthorizationCode()).pre_auth_code, /^preauthcode@@@/)
})
