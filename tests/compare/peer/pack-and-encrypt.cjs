// Publishes a folder like the Capgo CLI, with its libraries, in one process: adm-zip, SHA-256, AES-128-CBC with a random
// session key, and RSA signatures of that key and the digest.
//
//   node pack-and-encrypt.cjs FOLDER PRIVATE_KEY ARCHIVE SEALED
'use strict'

const { createCipheriv, createHash, privateEncrypt, randomBytes } = require('node:crypto')
const { readFileSync, writeFileSync } = require('node:fs')
const AdmZip = require('../../npm/node_modules/adm-zip')

const [folder, privateKey, archivePath, sealedPath] = process.argv.slice(2)

const zip = new AdmZip()
zip.addLocalFolder(folder)
const archive = zip.toBuffer()
writeFileSync(archivePath, archive)
const digest = createHash('sha256').update(archive).digest()

const key = readFileSync(privateKey, 'utf8')
const [sessionKey, iv] = [randomBytes(16), randomBytes(16)]
const cipher = createCipheriv('aes-128-cbc', sessionKey, iv)
writeFileSync(sealedPath, Buffer.concat([cipher.update(archive), cipher.final()]))

console.log(
  JSON.stringify({
    ivSessionKey: `${iv.toString('base64')}:${privateEncrypt(key, sessionKey).toString('base64')}`,
    checksum: privateEncrypt(key, digest).toString('hex'),
  }),
)
