// Makes and opens the files of a manifest with the functions of the Capgo CLI itself, without its cloud.
//
// node capgo-manifest.mjs make FOLDER OUT [PRIVATE_KEY]
//     Writes each file as devices download it to OUT/<number>, and prints {"session_key", "manifest"} as JSON.
// node capgo-manifest.mjs open IN [PUBLIC_KEY]
//     Opens IN/<number> as IN/manifest.json (of the same form) says, and prints the SHA-256 of each file by its name.
//
// The functions are not exported, so they are found by their text in the pinned version of the command and called in a copy of
// it.
import { createHash, publicDecrypt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

const command = join(import.meta.dirname, '../npm/node_modules/@capgo/cli/dist/index.js')
const source = readFileSync(command, 'utf8')
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

const name = (what, pattern) => {
  const found = source.match(pattern)
  if (!found)
    throw new Error(`the Capgo CLI has no function that ${what}; is it another version?`)
  return found[1]
}
const functions = {
  list: name('lists the files', /async function ([\w$]+)\([\w$]+\)\{let [\w$]+=\[\],[\w$]+=\["\.DS_Store","\.git"/),
  compress: name('compresses', /async function ([\w$]+)\((?:[\w$]+,){2}[\w$]+\)\{let [\w$]+=[\w$]+\([\w$]+\)\.size,/),
  newSession: name('makes a session key', /function ([\w$]+)\([\w$]+\)\{let [\w$]+=[\w$]+\(16\),[\w$]+=[\w$]+\(16\),/),
  encrypt: name('encrypts', /function ([\w$]+)\((?:[\w$]+,){2}[\w$]+\)\{let\[[\w$]+\]=[\w$]+\.split\(":"\),/),
  decrypt: name('decrypts', /function ([\w$]+)\((?:[\w$]+,){2}[\w$]+\)\{let\[[\w$]+,[\w$]+\]=[\w$]+\.split\(":"\),/),
  // The second of two: V2, then V3.
  sign: name('signs a hash', /function [\w$]+\(\w,\w\)\{return [\w$]+\(\{key:\w,padding:[\w$]+\},[\w$]+\.from\(\w,[\w$]+\)\)\.toString\([\w$]+\)\}function ([\w$]+)\(/),
  key: name('makes a key', /function ([\w$]+)\((?:[\w$]+,){4}[\w$]+\)\{let [\w$]+=[\w$]+\("sha256"\)/),
}

// Loads the command as `--version`, which initializes its modules. Function declarations exist before its first statement.
async function load() {
  const exported = Object.entries(functions).map(([ours, theirs]) => `${ours}:${theirs}`)
  const start = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0
  const copy = mkdtempSync(join(tmpdir(), 'capgo-'))
  try {
    const file = join(copy, 'index.mjs')
    writeFileSync(file, `${source.slice(0, start)}globalThis.capgoFunctions={${exported.join()}};${source.slice(start)}`)
    process.argv = [process.argv[0], 'capgo', '--version']
    process.exit = () => {}
    await import(pathToFileURL(file).href)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  finally {
    rmSync(copy, { recursive: true })
  }
  return globalThis.capgoFunctions
}

async function make(capgo, folder, out, keyFile) {
  const privateKey = keyFile && readFileSync(keyFile, 'utf8')
  const session = privateKey && capgo.newSession(privateKey)
  const manifest = []
  for (const { file, hash } of await capgo.list(folder)) {
    const { buffer, useBrotli } = await capgo.compress(join(folder, file), file, {})
    const bytes = session ? capgo.encrypt(buffer, session.sessionKey, session.ivSessionKey) : buffer
    const file_name = useBrotli ? `${file}.br` : file
    const file_hash = session ? capgo.sign(hash, privateKey) : hash
    writeFileSync(join(out, `${manifest.length}`), bytes)
    manifest.push({ file_name, file_hash, s3_path: capgo.key('org', 'com.example.app', file_hash, file_name, session) })
  }
  return { session_key: session?.ivSessionKey, manifest }
}

function open(capgo, folder, keyFile) {
  const publicKey = keyFile && readFileSync(keyFile, 'utf8')
  const { session_key, manifest } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const opened = {}
  manifest.forEach(({ file_name, file_hash }, number) => {
    let bytes = readFileSync(join(folder, `${number}`))
    if (publicKey)
      bytes = capgo.decrypt(bytes, session_key, publicKey)
    // As the plugins: an empty file is one, whatever its name.
    if (file_name.endsWith('.br') && bytes.length > 0)
      bytes = brotliDecompressSync(bytes)
    const hash = publicKey ? publicDecrypt(publicKey, Buffer.from(file_hash, 'hex')).toString('hex') : file_hash
    if (sha256(bytes) !== hash)
      throw new Error(`${file_name} has another hash`)
    opened[file_name.replace(/\.br$/, '')] = hash
  })
  return opened
}

const { exit, stdout } = process
const [mode, ...given] = process.argv.slice(2)
const write = stdout.write.bind(stdout)
stdout.write = () => true
const capgo = await load()
const result = await (mode === 'make' ? make(capgo, ...given) : open(capgo, ...given))
write(`${JSON.stringify(result)}\n`, () => exit(0))
