'use strict'
// Makes http, https and fetch of a Node that does not look at HTTPS_PROXY by itself
// send what is for other machines through it. Written by opentcb.
const http = require('node:http')
const https = require('node:https')
const tls = require('node:tls')

const proxy = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY)
const direct = new Set((process.env.NO_PROXY || '').split(','))
const [major, minor] = process.versions.node.split('.').map(Number)
const byItself = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)

// connect asks the proxy for a way to a host, and speaks TLS on it if secure.
function connect (secure, host, port, options, done) {
  const ask = http.request({
    host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: `${host}:${port}`, headers: { host: `${host}:${port}` }, agent: false
  })
  ask.once('error', done)
  ask.once('connect', (answer, socket) => {
    if (answer.statusCode !== 200) {
      socket.destroy()
      return done(new Error(`the proxy ${proxy.host} refuses ${host}: ${answer.statusCode}`))
    }
    if (!secure) return done(null, socket)
    const over = tls.connect({ ...options, socket, host, servername: options.servername || host })
    over.once('secureConnect', () => { over.off('error', done); done(null, over) })
    over.once('error', done)
  })
  ask.end()
}

if (proxy && !byItself) {
  class Agent extends https.Agent {
    createConnection (options, done) {
      if (direct.has(options.host)) return super.createConnection(options, done)
      connect(true, options.host, options.port || 443, { ...options, ALPNProtocols: ['http/1.1'] }, done)
    }
  }
  https.globalAgent = new Agent({ keepAlive: true })

  // What fetch sends through: made with the first call, so one is made that fails.
  const key = Symbol.for('undici.globalDispatcher.1')
  const plain = globalThis.fetch
  globalThis.fetch = async (...args) => {
    if (!globalThis[key]) await plain('data:,').catch(() => {})
    const Dispatcher = globalThis[key]?.constructor
    if (Dispatcher && Dispatcher.name === 'Agent') {
      const own = globalThis[key]
      const through = new Dispatcher({
        connect (options, done) {
          const secure = options.protocol === 'https:'
          connect(secure, options.hostname, options.port || (secure ? 443 : 80), { servername: options.servername, ALPNProtocols: ['http/1.1'] }, done)
        }
      })
      globalThis[key] = {
        dispatch: (options, handler) => (direct.has(new URL(options.origin).hostname) ? own : through).dispatch(options, handler),
        close: () => through.close(),
        destroy: () => through.destroy()
      }
    }
    return plain(...args)
  }
}
