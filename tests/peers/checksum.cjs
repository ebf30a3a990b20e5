// @tomasklaen/checksum, which Capgo's documentation names for bundles that are uploaded by hand.
//
//   node checksum.cjs FILE sha256|crc32
'use strict'

const { checksumFile } = require('../npm/node_modules/@tomasklaen/checksum')

const [file, algorithm] = process.argv.slice(2)
checksumFile(file, algorithm).then((sum) => console.log(sum))
