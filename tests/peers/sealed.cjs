// A second implementation of sealed archives, written from docs/format.md alone, with nothing but Node's own crypto.
//
//   node sealed.cjs open SEALED PRIVATE_PEM PLAIN      refuses with exit code 1 and the reason
//   node sealed.cjs seal PLAIN SEALED PUBLIC_PEM...
//   node sealed.cjs vectors FOLDER KEYS                prints, for each vector: name, then `ok` and SHA-256, or `refused`
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

const MAGIC = Buffer.from('8943425345414c0a', 'hex')
const TAG = 16

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest()
const refuse = (why) => { throw new Error(why) }

// SHA-256 of the public half as SPKI DER.
const keyId = (key) => sha256((key.type === 'private' ? crypto.createPublicKey(key) : key).export({ type: 'spki', format: 'der' }))

const oaep = (key) => ({ key, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' })

function nonce(prefix, number, isLast) {
  const bytes = Buffer.alloc(12)
  prefix.copy(bytes)
  bytes.writeUInt32BE(number, 7)
  bytes[11] = isLast ? 1 : 0
  return bytes
}

function parse(file) {
  let at = 0
  const take = (count) => {
    if (at + count > file.length) refuse('cut short within the header')
    at += count
    return file.subarray(at - count, at)
  }
  if (!take(8).equals(MAGIC)) refuse('no sealed archive')
  if (take(1)[0] !== 1) refuse('another version')
  const bits = take(1)[0]
  if (bits < 12 || bits > 20) refuse('segment size')
  const count = take(2).readUInt16BE()
  if (count < 1 || count > 16) refuse('number of recipients')
  const prefix = take(7)
  if (take(1)[0] !== 0) refuse('byte 19')
  const size = take(8).readBigUInt64BE()
  const segments = size === 0n ? 1n : (size + (1n << BigInt(bits)) - 1n) >> BigInt(bits)
  if (size >= 1n << 53n || segments > 1n << 32n) refuse('size')
  const recipients = []
  for (let number = 0; number < count; number++) {
    const id = take(32)
    const length = take(2).readUInt16BE()
    if (length < 256 || length > 512) refuse('length of a wrapped key')
    recipients.push({ id, wrapped: take(length) })
    if (number > 0 && Buffer.compare(recipients[number - 1].id, id) >= 0) refuse('order of recipients')
  }
  const total = BigInt(at) + size + BigInt(TAG) * segments
  if (BigInt(file.length) !== total) refuse('cut short, or it goes on')
  return { header: file.subarray(0, at), segment: 1 << bits, prefix, size: Number(size), segments: Number(segments), recipients }
}

function open(file, key) {
  const { header, segment, prefix, size, segments, recipients } = parse(file)
  const id = keyId(key)
  const recipient = recipients.find((one) => one.id.equals(id)) ?? refuse('sealed for others')
  if (recipient.wrapped.length !== Math.ceil(key.asymmetricKeyDetails.modulusLength / 8)) refuse('length of the wrapped key')
  const archiveKey = crypto.privateDecrypt(oaep(key), recipient.wrapped)
  if (archiveKey.length !== 32) refuse('length of the archive key')
  const plain = []
  for (let number = 0, at = header.length; number < segments; number++) {
    const isLast = number + 1 === segments
    const length = isLast ? size - number * segment : segment
    const cipher = crypto.createDecipheriv('aes-256-gcm', archiveKey, nonce(prefix, number, isLast), { authTagLength: TAG })
    cipher.setAAD(sha256(header))
    cipher.setAuthTag(file.subarray(at + length, at + length + TAG))
    plain.push(cipher.update(file.subarray(at, at + length)), cipher.final())
    at += length + TAG
  }
  return Buffer.concat(plain)
}

function seal(plain, keys) {
  const archiveKey = crypto.randomBytes(32)
  const recipients = keys.map((key) => ({ id: keyId(key), wrapped: crypto.publicEncrypt(oaep(key), archiveKey) }))
  recipients.sort((one, other) => Buffer.compare(one.id, other.id))
  const fixed = Buffer.alloc(28)
  MAGIC.copy(fixed)
  fixed[8] = 1
  fixed[9] = 16
  fixed.writeUInt16BE(recipients.length, 10)
  const prefix = crypto.randomBytes(7)
  prefix.copy(fixed, 12)
  fixed.writeBigUInt64BE(BigInt(plain.length), 20)
  const length = (bytes) => { const two = Buffer.alloc(2); two.writeUInt16BE(bytes.length); return two }
  const header = Buffer.concat([fixed, ...recipients.flatMap(({ id, wrapped }) => [id, length(wrapped), wrapped])])
  const parts = [header]
  const segments = Math.max(1, Math.ceil(plain.length / 65536))
  for (let number = 0; number < segments; number++) {
    const cipher = crypto.createCipheriv('aes-256-gcm', archiveKey, nonce(prefix, number, number + 1 === segments))
    cipher.setAAD(sha256(header))
    parts.push(cipher.update(plain.subarray(number * 65536, (number + 1) * 65536)), cipher.final(), cipher.getAuthTag())
  }
  return Buffer.concat(parts)
}

// The file of a vector: lines `key: value`, an empty line, base64.
function vectors(folder, keys) {
  for (const name of fs.readdirSync(folder).sort()) {
    const text = fs.readFileSync(path.join(folder, name), 'utf8')
    const end = text.indexOf('\n\n')
    const key = /^key: (.*)$/m.exec(text.slice(0, end))[1]
    const body = Buffer.from(text.slice(end), 'base64')
    let verdict
    try {
      verdict = `ok ${sha256(open(body, crypto.createPrivateKey(fs.readFileSync(path.join(keys, key))))).toString('hex')}`
    } catch {
      verdict = 'refused'
    }
    console.log(`${name.replace('.txt', '')} ${verdict}`)
  }
}

const [what, ...rest] = process.argv.slice(2)
try {
  if (what === 'open') {
    fs.writeFileSync(rest[2], open(fs.readFileSync(rest[0]), crypto.createPrivateKey(fs.readFileSync(rest[1]))))
  } else if (what === 'seal') {
    const keys = rest.slice(2).map((file) => crypto.createPublicKey(fs.readFileSync(file)))
    fs.writeFileSync(rest[1], seal(fs.readFileSync(rest[0]), keys))
  } else {
    vectors(rest[0], rest[1])
  }
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
