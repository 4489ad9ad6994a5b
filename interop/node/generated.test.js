'use strict'
// A client that swagger-typescript-api makes of the admin interface's own OpenAPI
// document: an operator's script in another language.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { after, before, test } = require('node:test')
const { pathToFileURL } = require('node:url')
const { promisify } = require('node:util')
const { one, two } = require('./platform')
const { Server } = require('./server')

let server
before(async () => { server = await Server.start() })
after(() => server.endedWell())

// generated makes a client of the document that the server gives out, and returns one
// that brings the operator's token.
async function generated () {
  const document = path.join(server.dir, 'openapi.yaml')
  fs.writeFileSync(document, await (await fetch(server.admin + '/openapi.yaml')).text())
  const generator = path.join(__dirname, 'node_modules', '.bin', 'swagger-typescript-api')
  await promisify(execFile)(generator, ['generate', '-p', document, '-o', server.dir, '-n', 'client.js', '--js', '--silent'])
  fs.renameSync(path.join(server.dir, 'client.js'), path.join(server.dir, 'client.mjs'))
  const { Api } = await import(pathToFileURL(path.join(server.dir, 'client.mjs')))
  const token = fs.readFileSync(path.join(server.data, 'admin-token'), 'utf8').trim()
  return new Api({
    baseUrl: server.admin,
    securityWorker: () => ({ headers: { Authorization: `Bearer ${token}` } })
  })
}

test('a generated client lists platforms and changes one', async () => {
  const { v1 } = await generated()
  const first = await v1.listPlatforms({ limit: 1 })
  assert.deepEqual(first.data.items.map((p) => p.appid), [one.appid])
  const second = await v1.listPlatforms({ limit: 1, after: first.data.next })
  assert.deepEqual(second.data.items.map((p) => p.appid), [two.appid])
  assert.equal(second.data.next, undefined)

  const changed = await v1.changePlatform(one.appid, { name: 'Acme', permission_sets: [18, 49] })
  assert.equal(changed.data.name, 'Acme')
  const { data: found } = await v1.getPlatform(one.appid)
  assert.deepEqual([found.name, found.permission_sets], ['Acme', [18, 49]])

  const refused = await v1.changePlatform(one.appid, { nmae: 'Acme' }).catch((answer) => answer)
  assert.equal(refused.status, 422)
  assert.match(refused.error.error.message, /nmae/)
})
