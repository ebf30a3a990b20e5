// A second implementation of releases and key rings, written from docs/format.md alone, with nothing but Node's own modules.
//
//   node release.cjs vectors FOLDER              a line for each vector of tests/vectors: FOLDER/NAME OUTCOME
//   node release.cjs verify ENVELOPE KEY...      which of the public keys (PEM files) signed, and the payload
//   node release.cjs sign TYPE PAYLOAD KEY...    an envelope, signed by the private keys (PEM files)
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')

const RELEASE = 'application/vnd.capbundle.release.v1+json'
const KEYS = 'application/vnd.capbundle.keys.v1+json'
const MAX_NUMBER = 2 ** 53 - 1

class Refused extends Error {}
const refuse = (reason) => {
  throw new Refused(reason)
}
const require_ = (holds, reason = 'malformed') => {
  if (!holds) refuse(reason)
}

// ------------------------------------------------------------------------------------- JSON that is read strictly

// Objects become Maps: their names are texts, and none of them means anything to JavaScript.
function readObject(bytes) {
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    refuse('malformed')
  }
  let at = 0
  const space = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at])) at++
  }
  const take = (pattern) => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    require_(found)
    at += found[0].length
    return found[0]
  }
  const string = () => {
    const token = take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y)
    const value = JSON.parse(token)
    require_(value.isWellFormed())
    return value
  }
  const value = (depth) => {
    space()
    const first = text[at]
    if (first === '"') return string()
    if (first === '{' || first === '[') {
      require_(depth < 32)
      at++
      return first === '{' ? object(depth + 1) : list(depth + 1)
    }
    for (const [word, meaning] of [['true', true], ['false', false], ['null', null]]) {
      if (text.startsWith(word, at)) {
        at += word.length
        return meaning
      }
    }
    const digits = take(/-?[0-9][0-9.eE+-]*/y)
    require_(/^(0|[1-9][0-9]{0,15})$/.test(digits) && BigInt(digits) <= BigInt(MAX_NUMBER))
    return Number(digits)
  }
  const list = (depth) => {
    const values = []
    for (let isFirst = true; !ends(']', isFirst); isFirst = false) values.push(value(depth))
    return values
  }
  const object = (depth) => {
    const members = new Map()
    for (let isFirst = true; !ends('}', isFirst); isFirst = false) {
      space()
      const name = string()
      require_(!members.has(name))
      space()
      take(/:/y)
      members.set(name, value(depth))
    }
    return members
  }
  const ends = (end, isFirst) => {
    space()
    if (text[at] === end) {
      at++
      return true
    }
    if (!isFirst) take(/,/y)
    return false
  }
  const found = value(0)
  space()
  require_(at === text.length && found instanceof Map)
  return found
}

// ---------------------------------------------------------------------------------------------------- what members hold

const isText = (value) => typeof value === 'string'
const isNumber = (value) => typeof value === 'number'
const isPositive = (value) => isNumber(value) && value > 0
const isDigest = (value) => isText(value) && /^[0-9a-f]{64}$/.test(value)
const isShort = (bytes) => (value) => isText(value) && Buffer.byteLength(value) <= bytes
const isApp = (value) => isShort(256)(value) && /^[A-Za-z0-9]+(\.[A-Za-z0-9_-]+)+$/.test(value)
const isChannel = (value) => isText(value) && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(value)
const isVersion = (value) => isShort(256)(value) && value !== '' && !/\p{Cc}/u.test(value)
const isNativeVersion = (value) => isShort(256)(value) && order(value) !== null
const holds = (members) => (value) => {
  if (!(value instanceof Map)) return false
  return Object.entries(members).every(([name, [isNeeded, is]]) => (value.has(name) ? is(value.get(name)) : !isNeeded))
}
const isNative = holds({ min: [false, isNativeVersion], max: [false, isNativeVersion] })
const isCritical = (value) => Array.isArray(value) && value.every(isText)

const RELEASE_MEMBERS = {
  format: [true, isNumber],
  app_id: [true, isApp],
  channel: [true, isChannel],
  version: [true, isVersion],
  sequence: [true, isPositive],
  created_at: [true, isNumber],
  expires_at: [true, isNumber],
  native: [false, isNative],
  archive: [true, holds({ size: [true, isNumber], sha256: [true, isDigest] })],
  sealed: [false, holds({ size: [true, isNumber], header_sha256: [true, isDigest] })],
  files_sha256: [true, isDigest],
  link: [false, isShort(2048)],
  comment: [false, isShort(4096)],
  critical: [false, isCritical],
}
const RING_MEMBERS = {
  format: [true, isNumber],
  app_id: [true, isApp],
  number: [true, isPositive],
  threshold: [true, isPositive],
  created_at: [true, isNumber],
  keys: [true, (value) => Array.isArray(value) && value.length >= 1 && value.length <= 32],
  retired: [false, (value) => Array.isArray(value) && value.every(isDigest) && new Set(value).size === value.length],
  critical: [false, isCritical],
}

// What every document says of itself, then its members.
function readDocument(bytes, members, known = Object.keys(members)) {
  const document = readObject(bytes)
  require_(isNumber(document.get('format')))
  require_(document.get('format') === 1, 'unknown_format')
  const critical = document.has('critical') ? document.get('critical') : []
  require_(isCritical(critical))
  require_(critical.every((name) => known.includes(name)), 'unknown_critical')
  require_(holds(members)(document))
  require_(critical.every((name) => document.has(name)) && new Set(critical).size === critical.length)
  return document
}

function readRelease(bytes) {
  const release = readDocument(bytes, RELEASE_MEMBERS)
  require_(release.get('created_at') < release.get('expires_at'))
  return release
}

// Numbers of a native version, or null if it has no place in the order.
function order(version) {
  const numbers = version.split(/[-+ ]/)[0].split('.')
  if (!numbers.every((number) => /^[0-9]+$/.test(number) && BigInt(number) < 2n ** 64n)) return null
  const found = numbers.map(BigInt)
  while (found.length && found.at(-1) === 0n) found.pop()
  return found
}

function isAtLeast(version, minimum) {
  const [one, other] = [order(version), order(minimum)]
  if (one === null || other === null) return false
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at] ?? 0n) - (other[at] ?? 0n)
    if (difference !== 0n) return difference > 0n
  }
  return true
}

// -------------------------------------------------------------------------------------------------------------- envelope

function base64(text, alphabets = ['base64', 'base64url']) {
  require_(isText(text))
  const alphabet = /[-_]/.test(text) ? 'base64url' : 'base64'
  require_(alphabets.includes(alphabet))
  const bytes = Buffer.from(text, alphabet)
  // Node reads what it can; what it did not read does not come back.
  const padding = '='.repeat((3 - (bytes.length % 3)) % 3)
  const again = alphabet === 'base64' ? bytes.toString('base64') : bytes.toString('base64url') + padding
  require_(again === text)
  return bytes
}

function readEnvelope(bytes) {
  require_(bytes.length <= 262144)
  const envelope = readObject(bytes)
  const signatures = envelope.get('signatures')
  require_(Array.isArray(signatures) && signatures.length <= 32)
  require_(isText(envelope.get('payloadType')))
  return {
    type: envelope.get('payloadType'),
    payload: base64(envelope.get('payload')),
    signatures: signatures.map((signature) => {
      require_(signature instanceof Map && isDigest(signature.get('keyid')))
      return { id: signature.get('keyid'), bytes: base64(signature.get('sig')) }
    }),
  }
}

function signedBytes(type, payload) {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}

const PSS = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
const spkiOf = (key) => key.export({ format: 'der', type: 'spki' })
const idOf = (key) => crypto.createHash('sha256').update(spkiOf(key)).digest('hex')

// Those of the keys that signed.
function signers(envelope, keys) {
  const message = signedBytes(envelope.type, envelope.payload)
  const signed = (key) =>
    envelope.signatures.some(
      (signature) => signature.id === idOf(key) && crypto.verify('sha256', message, { key, ...PSS }, signature.bytes),
    )
  return keys.filter(signed)
}

// --------------------------------------------------------------------------------------------------------------- key ring

function readKey(text) {
  const der = base64(text, ['base64'])
  let key
  try {
    key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    refuse('malformed')
  }
  require_(key.asymmetricKeyType === 'rsa' && spkiOf(key).equals(der))
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails
  require_(modulusLength >= 2048 && modulusLength <= 4096)
  require_(publicExponent >= 65537n && publicExponent < 2n ** 33n && publicExponent % 2n === 1n)
  return key
}

function readRing(bytes) {
  const document = readDocument(bytes, RING_MEMBERS)
  const keys = document.get('keys').map(readKey)
  require_(new Set(keys.map((key) => key.export({ format: 'jwk' }).n)).size === keys.length)
  require_(document.get('threshold') <= keys.length)
  const retired = document.get('retired') ?? []
  require_(!keys.some((key) => retired.includes(idOf(key))))
  return { app: document.get('app_id'), number: document.get('number'), threshold: document.get('threshold'), keys, retired }
}

const requireSigned = (envelope, ring) => require_(signers(envelope, ring.keys).length >= ring.threshold, 'signatures')

// The ring in these bytes, after the ring `before`, or as the first one.
function followRing(bytes, app, before) {
  const envelope = readEnvelope(bytes)
  require_(envelope.type === KEYS)
  if (before) requireSigned(envelope, before)
  const ring = readRing(envelope.payload)
  requireSigned(envelope, ring)
  require_(ring.app === app, 'wrong_app')
  if (before) {
    require_(ring.number === before.number + 1, 'wrong_number')
    require_(before.retired.every((id) => ring.retired.includes(id)), 'retired_key_missing')
  }
  return ring
}

// ---------------------------------------------------------------------------------------------------------------- trust

function checkRelease(bytes, device) {
  const envelope = readEnvelope(bytes)
  require_(envelope.type === RELEASE)
  requireSigned(envelope, device.ring)
  const release = readRelease(envelope.payload)
  const sequence = release.get('sequence')
  require_(release.get('app_id') === device.app, 'wrong_app')
  require_(release.get('channel') === device.channel, 'wrong_channel')
  require_(sequence > device.builtIn, 'built_in_is_newer')
  if (device.accepted) {
    const digest = crypto.createHash('sha256').update(envelope.payload).digest('hex')
    const isSame = sequence === device.accepted.sequence && digest === device.accepted.digest
    require_(sequence > device.accepted.sequence || isSame, 'replayed')
  }
  require_(release.get('expires_at') > Math.max(device.now, device.latestTimeSeen), 'expired')
  const native = release.get('native') ?? new Map()
  const fits =
    (!native.has('min') || isAtLeast(device.native, native.get('min'))) &&
    (!native.has('max') || isAtLeast(native.get('max'), device.native))
  require_(fits, 'native_out_of_range')
  if (release.has('sealed') && device.contentKey) {
    const modulus = (key) => key.export({ format: 'jwk' }).n
    const signs = device.ring.keys.some((key) => modulus(key) === modulus(device.contentKey))
    require_(!signs && !device.ring.retired.includes(idOf(device.contentKey)), 'key_in_both_roles')
  }
}

function readFileList(bytes) {
  require_(bytes.length <= 64 << 20)
  const isPath = (value) => isText(value) && !/[\\\0]|^[A-Za-z]:/.test(value) && value.split('/').every((part) => !['', '.', '..'].includes(part))
  const isFile = holds({ path: [true, isPath], size: [true, isNumber], sha256: [true, isDigest] })
  const list = readDocument(bytes, { format: [true, isNumber], files: [true, (value) => Array.isArray(value) && value.every(isFile)] }, [])
  const paths = list.get('files').map((file) => Buffer.from(file.get('path')))
  require_(paths.every((one, at) => at === 0 || Buffer.compare(paths[at - 1], one) < 0))
}

// -------------------------------------------------------------------------------------------------------------- vectors

function readVector(file) {
  const [head, ...rest] = fs.readFileSync(file, 'utf8').split('\n\n')
  const fields = Object.fromEntries(head.split('\n').map((line) => [line.split(':')[0], line.slice(line.indexOf(':') + 2)]))
  const body = Buffer.from(rest.join(''), 'base64')
  return { fields, body: fields.body === 'deflate' ? zlib.inflateRawSync(body) : body }
}

// The app of all trusted rings.
const APP = 'com.example.app'

function run(kind, { fields, body }, root) {
  const names = (fields.rings ?? '').split(' ').filter(Boolean)
  const follow = (before, name) => followRing(fs.readFileSync(path.join(root, 'trust', name)), APP, before)
  const walk = () => names.reduce(follow, undefined)
  if (kind === 'json') return readObject(body)
  if (kind === 'file-lists') return readFileList(body)
  if (kind === 'rings') return followRing(body, fields.app, walk())
  const [sequence, digest] = (fields.accepted ?? '').split(' ')
  return checkRelease(body, {
    ring: walk(),
    app: fields.app,
    channel: fields.channel,
    native: fields.native,
    builtIn: Number(fields.built_in_sequence ?? 0),
    accepted: fields.accepted && { sequence: Number(sequence), digest },
    now: Number(fields.now),
    latestTimeSeen: Number(fields.latest_time_seen ?? 0),
    contentKey: fields.content_key && crypto.createPublicKey(fs.readFileSync(path.join(root, 'keys', fields.content_key))),
  })
}

function vectors(root) {
  for (const kind of ['releases', 'rings', 'file-lists', 'json']) {
    for (const name of fs.readdirSync(path.join(root, kind)).sort()) {
      let outcome = 'ok'
      try {
        run(kind, readVector(path.join(root, kind, name)), root)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        outcome = error.message
      }
      console.log(`${kind}/${path.basename(name, '.txt')} ${outcome}`)
    }
  }
}

function verify(file, ...keys) {
  const envelope = readEnvelope(fs.readFileSync(file))
  const found = signers(envelope, keys.map((key) => crypto.createPublicKey(fs.readFileSync(key))))
  console.log(JSON.stringify({ type: envelope.type, payload: envelope.payload.toString(), signers: found.map(idOf) }))
}

function sign(type, file, ...keys) {
  const payload = fs.readFileSync(file)
  const signatures = keys.map((name) => {
    const key = crypto.createPrivateKey(fs.readFileSync(name))
    const sig = crypto.sign('sha256', signedBytes(type, payload), { key, ...PSS }).toString('base64')
    return { keyid: idOf(crypto.createPublicKey(key)), sig }
  })
  console.log(JSON.stringify({ payloadType: type, payload: payload.toString('base64'), signatures }))
}

const [command, ...rest] = process.argv.slice(2)
const commands = { vectors, verify, sign }
commands[command](...rest)
