// Loaded with `node --require` before a peer: refuses every connection at once.
//
// The Capgo CLI reports usage and looks for newer versions of itself. A test must not depend on whether the network
// lets it, nor wait for a network that is not there.
'use strict'

const dns = require('node:dns')
const net = require('node:net')

net.Socket.prototype.connect = function connect() {
  process.nextTick(() => this.destroy(Object.assign(new Error('no network in tests'), { code: 'ENETUNREACH' })))
  return this
}

dns.lookup = function lookup(host, options, done) {
  const answer = typeof options === 'function' ? options : done
  process.nextTick(answer, Object.assign(new Error(`no network in tests: ${host}`), { code: 'ENOTFOUND' }))
}
