// The key id as Capgo's sources compute it: the first 20 characters of the PEM body.
//
// Done again here, since the CLI computes it only while it uploads. What is real is the key file that is read.
//
//   node capgo-key-id.cjs PUBLIC_PEM
'use strict'

const { readFileSync } = require('node:fs')

const pem = readFileSync(process.argv[2], 'utf8')
console.log(pem.replace(/-----(BEGIN|END) RSA PUBLIC KEY-----/g, '').replace(/\s/g, '').slice(0, 20))
