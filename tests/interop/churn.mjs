/**
 * An hour of coming and going: 500 clients at work, and 5 documents a second that somebody opens, writes to and leaves.
 * Afterwards memory, descriptors, tasks and actors are what they were after the warm-up, to within 5 %.
 *
 * `node churn.mjs`; MINUTES (60) says how long, WARM_SECONDS (900) the warm-up, REST_SECONDS (60) the rests, in which nobody writes
 * and then is measured.
 */
import { BINARY, Bare } from './harness/bare.mjs'
import { text, update } from './harness/forge.mjs'
import { report } from './harness/report.mjs'
import { Server, token } from './harness/suite.mjs'
import { pause } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const MINUTES = Number(process.env.MINUTES ?? 60)
const WARM_SECONDS = Number(process.env.WARM_SECONDS ?? 900)
const REST_SECONDS = Number(process.env.REST_SECONDS ?? 60)
const CLIENTS = 500
const CLIENTS_A_DOCUMENT = 5
const OPENED_A_SECOND = 5
const EDIT_EVERY_MS = 10_000
const WITHIN = 0.05

// Longer than an hour and its rests: a token that ends closes its sockets.
const credential = token('churn', { '*': 'editor' }, { seconds: 86_400 })
let identity = 1

/** Somebody in one document, whose edits follow one another. */
class Somebody {
  #client = (identity += 1)
  #clock = 0
  #before = 0

  constructor (server, name, from) {
    this.bare = new Bare(server, `/yjs/${name}?token=${credential}`, { from, pongs: true })
  }

  async enter () {
    await this.bare.opened()
    if (!this.bare.upgraded) throw new Error(this.bare.describe())
    this.bare.send(BINARY, wire.sync(null, wire.STEP1, new Uint8Array([0])))
    this.bare.send(BINARY, wire.sync(null, wire.STEP2, new Uint8Array([0, 0])))
    this.bare.send(BINARY, wire.awareness(null, [[this.#client, 1, { user: { name: 'somebody' } }]]))
  }

  /** Writes in the place of what was written before: a document that grew would hold more for good. */
  write (letters) {
    const [client, clock] = [this.#client, this.#clock]
    const where = clock === 0 ? {} : { origin: [client, clock - 1] }
    const before = clock === 0 ? [] : [[client, [[this.#before, clock - this.#before]]]]
    this.bare.send(BINARY, wire.sync(null, wire.UPDATE, update([{ client, clock, structs: [text(letters, where)] }], before)))
    this.#before = clock
    this.#clock += letters.length
  }

  leave () { this.bare.destroy() }
}

const addresses = (n) => `127.0.4.${1 + n % 100}`

const look = async (server) => {
  const { text } = await server.request('GET', '/metrics')
  const sum = (name) => [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0)
  return {
    'memory, MiB': sum('tandem_memory_bytes') / 1_048_576,
    'resident, MiB': sum('process_resident_memory_bytes') / 1_048_576,
    'allocated, MiB': sum('tandem_allocated_bytes') / 1_048_576,
    'pages, MiB': sum('tandem_allocated_pages_bytes') / 1_048_576,
    descriptors: sum('process_open_fds'),
    tasks: sum('tandem_tasks'),
    actors: sum('tandem_actors')
  }
}

const line = (what, seen) => console.log(`${what.padEnd(16)} ${Object.entries(seen).map(([name, value]) => `${name} ${value.toFixed(name.endsWith('MiB') ? 1 : 0)}`).join(' · ')}`)

const summary = (base, rest, opened) => [
  '| | before | after | grew by |',
  '| --- | --- | --- | --- |',
  ...Object.entries(base).map(([name, value]) => {
    const cell = (of) => of.toFixed(name.endsWith('MiB') ? 1 : 0)
    return `| ${name} | ${cell(value)} | ${cell(rest[name])} | ${(100 * (rest[name] / value - 1)).toFixed(1)} % |`
  }),
  '',
  `${MINUTES} minutes after a warm-up of ${WARM_SECONDS / 60}; ${CLIENTS} clients, and ${opened} documents that were opened and left.`
].join('\n')

const server = await Server.start({ TANDEM__LIMITS__SOCKETS_PER_ADDRESS: '1000' })
const steady = Array.from({ length: CLIENTS }, (_, n) => new Somebody(server, `steady-${Math.floor(n / CLIENTS_A_DOCUMENT)}`, addresses(n)))
let failure = null
try {
  for (const one of steady) await one.enter()
  const edit = () => {
    for (let n = 0; n < CLIENTS / EDIT_EVERY_MS * 100; n += 1) steady[Math.floor(Math.random() * CLIENTS)].write('a')
  }
  let opened = 0
  const visit = async () => {
    const n = opened++
    const visitors = [new Somebody(server, `visited-${n}`, addresses(n)), new Somebody(server, `visited-${n}`, addresses(n + 1))]
    for (const visitor of visitors) await visitor.enter()
    for (const visitor of visitors) visitor.write('x'.repeat(200))
    await pause(2_000)
    for (const visitor of visitors) visitor.leave()
  }
  const churn = async (milliseconds) => {
    const began = performance.now()
    const edits = setInterval(edit, 100)
    for (let n = 0; performance.now() - began < milliseconds; n += 1) {
      visit().catch((error) => { failure ??= error })
      await pause(Math.max(0, began + (n + 1) * 1_000 / OPENED_A_SECOND - performance.now()))
    }
    clearInterval(edits)
  }
  await churn(WARM_SECONDS * 1_000)
  await pause(REST_SECONDS * 1_000)
  const base = await look(server)
  line('base', base)
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    await churn(60_000)
    line(`minute ${minute}`, await look(server))
  }
  await pause(REST_SECONDS * 1_000)
  const rest = await look(server)
  line('at rest again', rest)
  if (steady.some(({ bare }) => bare.ended)) failure ??= new Error('a client was closed')
  // What is resident counts the pages of a growing database too: the kernel's, which it takes back when it wants them.
  for (const [name, value] of Object.entries(base).filter(([name]) => !name.startsWith('resident'))) {
    const grew = rest[name] / value - 1
    if (!(grew <= WITHIN)) failure ??= new Error(`${name} grew by ${(100 * grew).toFixed(1)} %`)
  }
  const text = summary(base, rest, opened)
  if (failure) console.log(text)
  else report('churn', `make churn${MINUTES === 60 ? '' : ` MINUTES=${MINUTES}`}`, text)
} finally {
  for (const one of steady) one.leave()
  await server.stop({ clean: failure === null })
}
if (failure) {
  console.error(failure)
  process.exit(1)
}
