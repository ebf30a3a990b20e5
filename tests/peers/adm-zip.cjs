// adm-zip, the archiver inside the Capgo CLI.
//
//   node adm-zip.cjs list ARCHIVE            one line an entry: SHA-256 or "folder", two spaces, path
//   node adm-zip.cjs pack FOLDER ARCHIVE     the two calls that the CLI makes
'use strict'

const { createHash } = require('node:crypto')
const { writeFileSync } = require('node:fs')
const AdmZip = require('../npm/node_modules/adm-zip')

const [command, source, target] = process.argv.slice(2)

if (command === 'list') {
  for (const entry of new AdmZip(source).getEntries()) {
    const name = entry.entryName
    // getData() checks the CRC and throws when it is wrong.
    const what = entry.isDirectory ? 'folder' : createHash('sha256').update(entry.getData()).digest('hex')
    console.log(`${what}  ${entry.isDirectory ? name.replace(/\/$/, '') : name}`)
  }
} else if (command === 'pack') {
  const archive = new AdmZip()
  archive.addLocalFolder(source)
  writeFileSync(target, archive.toBuffer())
} else {
  throw new Error(`unknown command: ${command}`)
}
