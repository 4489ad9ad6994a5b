'use strict'
// node-easywechat as it is, without a base URL: the whole flow through the proxy of
// --intercept.

const { after, before, test } = require('node:test')
const { Server } = require('./server')

let server
before(async () => { server = await Server.start('--intercept', '127.0.0.1:0') })
after(() => server.endedWell())

test('the whole flow, unmodified', async () => {
  await server.unmodified('easywechat.test.js')
})
