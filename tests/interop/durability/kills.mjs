/**
 * `kill -9` at random moments under writing load: after the restart no acknowledged edit may be missing.
 *
 * `node durability/kills.mjs [--kills 50] [--store sqlite|postgres] [--rate 50]`, in tests/interop. Of a database with processes of its
 * own these are killed too, in turn: Tandem, the database, both. The control comes first: the same with a failpoint that
 * acknowledges before the commit must show a loss, else the run fails. Writes a table to standard output.
 */
import { parseArgs } from 'node:util'

import { random, seed } from '../harness/random.mjs'
import { report } from '../harness/report.mjs'
import { Server } from '../harness/server.mjs'
import { percentile, table } from '../harness/statistics.mjs'
import { pause, until } from '../harness/until.mjs'
import { COMPACTING, Crews, WRITERS } from './crew.mjs'
import { store as begin } from './stores.mjs'

/** A slow commit only makes the window wide; the early acknowledgement is what loses. */
const ACKNOWLEDGE_EARLY = { FAILPOINTS: 'gate::ack-early=return;journal::before-commit=sleep(50)' }
const CONTROLS = 3

/** The longest load before a kill, in milliseconds. */
const LOAD_MS = 500

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' }, store: { type: 'string', default: 'sqlite' }, rate: { type: 'string', default: '50' } } })

/** How long Tandem may take to go on by itself after its database is back, in milliseconds. */
const HEALS_WITHIN_MS = 30_000

/** Of so many starts after a kill, one is killed too before the next. */
const STARTS_A_KILLED_ONE = 5
/** How long that one lives at most, in milliseconds: opening the database is what it is about. */
const START_MS = 50

/** Starts the server again; `killed`: not before it was started and killed at once. Resolves with how many were not ready then. */
const beginAgain = async (server, killed, draw) => {
  let early = 0
  if (killed) {
    const starting = server.begin().then(() => 0, (error) => {
      if (server.exit?.signal !== 'SIGKILL') throw error
      return 1
    })
    await pause(draw.below(START_MS))
    await server.kill()
    early = await starting
  }
  await server.begin()
  return early
}

/** One in ten is killed while its authors join. */
const oneKill = async ({ server, store, crew, draw, victim, twice }) => {
  crew.join()
  crew.begin()
  if (draw.below(10) > 0) await crew.whenJoined()
  await pause(draw.below(LOAD_MS))
  const { latencies } = crew
  const compactions = await server.metric('tandem_compactions_total')
  if (victim === 'tandem') {
    await server.kill()
  } else if (victim === 'both') {
    await Promise.all([server.kill(), store.kill()])
    await store.begin()
  } else {
    await store.kill()
    await pause(draw.below(LOAD_MS))
    await store.begin()
    crew.stop()
    await until('all is acknowledged once the database is back', [server, ...crew.authors], () => crew.authors.every(({ saved }) => saved), HEALS_WITHIN_MS)
    await server.kill()
  }
  crew.leave()
  const early = await beginAgain(server, twice, draw)
  return { latencies, compactions, early, lost: await crew.missing(server) }
}

/** A series of kills on one database. */
const series = async ({ store, environment = {}, kills, victims = store.victims, from, loud }) => {
  const server = await Server.start({ ...store.environment, ...COMPACTING, ...environment })
  const crews = new Crews(Number(values.rate))
  const draw = random(from)
  const seen = { acknowledged: 0, compactions: 0, early: 0, lost: 0, latencies: [] }
  try {
    for (let n = 1; n <= kills; n += 1) {
      const crew = crews.next(server)
      const { latencies, compactions, early, lost } = await oneKill({ server, store, crew, draw, victim: victims[n % victims.length], twice: n % STARTS_A_KILLED_ONE === 0 })
      seen.acknowledged += crew.acknowledged
      seen.compactions += compactions
      seen.early += early
      seen.lost += lost.length
      seen.latencies.push(...latencies)
      if (loud && lost.length > 0) console.error(`kill ${n}: ${lost.length} acknowledged edits are missing, ${lost.slice(0, 5)}`)
      if (n % 25 === 0) console.error(`${n} kills, ${seen.acknowledged} acknowledged, ${seen.lost} missing`)
    }
    await server.kill()
    seen.damage = await store.check()
  } finally {
    await server.stop({ clean: false })
  }
  return seen
}

const row = (what, kills, seen) => ({
  run: what,
  kills,
  compactions: seen.compactions,
  acknowledged: seen.acknowledged,
  missing: seen.lost,
  'p50 ms': percentile(seen.latencies, 50).toFixed(1),
  'p99 ms': percentile(seen.latencies, 99).toFixed(1),
  'slowest ms': percentile(seen.latencies, 100).toFixed(1)
})

const kills = Number(values.kills)
const store = await begin(values.store)
let control
let seen
try {
  control = await series({ store, environment: ACKNOWLEDGE_EARLY, kills: CONTROLS, victims: ['tandem'], from: seed, loud: false })
  seen = await series({ store, kills, from: seed + 1, loud: true })
} finally {
  await store.stop()
}
report(`kills-${values.store}`, `make durability KILLS=${kills} STORE=${values.store}`, [
  table([row(`kill -9 of ${store.victims.join(', ')} on ${store.name}`, kills, seen), row('control: acknowledged before the commit', CONTROLS, control)]),
  '',
  `${WRITERS} writers at ${values.rate} edits a second each, seed ${seed}; ${seen.early} starts were killed before they were ready. A latency counts from the moment its edit was due.`
].join('\n'))
if (control.lost === 0) throw new Error('acknowledging before the commit went unnoticed: this run shows nothing')
if (seen.lost > 0) throw new Error(`${seen.lost} acknowledged edits are missing`)
if (seen.damage) throw new Error(`the database is damaged: ${seen.damage}`)
