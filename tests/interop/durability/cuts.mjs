/**
 * Power cuts at random moments under writing load: what a disk holds that forgets all that was not synced.
 *
 * `node durability/cuts.mjs [--cuts 20] [--store sqlite|postgres] [--rate 50]`, in tests/interop; as root, where loop mounts are
 * allowed. The database lies on the disk with all that belongs to it. Tandem, and every process of a PostgreSQL, stand still while
 * the disk is copied, at any moment, also in the middle of a sync. The control comes first: a database whose syncs do nothing must
 * show a loss. Writes a table to standard output.
 */
import { parseArgs } from 'node:util'

import { random, seed } from '../harness/random.mjs'
import { report } from '../harness/report.mjs'
import { Server } from '../harness/server.mjs'
import { percentile, table } from '../harness/statistics.mjs'
import { pause } from '../harness/until.mjs'
import { COMPACTING, Crews, WRITERS } from './crew.mjs'
import { ForgetfulDisk, cannotMount } from './disk.mjs'
import { store as begin } from './stores.mjs'

const CONTROLS = 1
const LOAD_MS = 500

/** What each store needs of a disk, what its control is, and whose marks its results stand between. */
const STORES = {
  sqlite: { bytes: 96 << 20, control: 'the disk only says that it synced', marks: 'cuts' },
  postgres: { bytes: 320 << 20, control: 'PostgreSQL syncs nothing (fsync=off)', marks: 'cuts-postgres' }
}

const { values } = parseArgs({ options: { cuts: { type: 'string', default: '20' }, store: { type: 'string', default: 'sqlite' }, rate: { type: 'string', default: '50' } } })

/** Fails when somebody asks this run to end: the step under way is left, and all that was begun ends in its order. */
const asked = new Promise((_, fail) => {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => fail(new Error(`ended by ${signal}`)))
})
asked.catch(() => {})
const step = (what) => Promise.race([asked, what])

/** The database stands still first: while Tandem still gives it work it is caught at any moment of it. */
const oneCut = async ({ disk, store, server, crew, draw }) => {
  crew.join()
  crew.begin()
  if (draw.below(10) > 0) await step(crew.whenJoined())
  await step(pause(draw.below(LOAD_MS)))
  const compactions = await step(server.metric('tandem_compactions_total'))
  await step(store.pause())
  process.kill(server.pid, 'SIGSTOP')
  disk.cut()
  // What was acknowledged before the server stood still may still be on its way to us.
  await step(pause(0))
  await step(Promise.all([server.kill(), store.kill()]))
  crew.leave()
  disk.restore()
  await step(store.begin())
  await step(server.begin())
  const lost = await step(crew.missing(server))
  await step(server.kill())
  const damage = await step(store.check())
  await step(server.begin())
  return { compactions, lost, damage }
}

const cutAgain = async ({ disk, store, server, cuts, from, loud }) => {
  const crews = new Crews(Number(values.rate))
  const draw = random(from)
  const seen = { name: store.name, acknowledged: 0, compactions: 0, lost: 0, damaged: 0, latencies: [] }
  for (let n = 1; n <= cuts; n += 1) {
    const crew = crews.next(server)
    const { compactions, lost, damage } = await oneCut({ disk, store, server, crew, draw })
    seen.acknowledged += crew.acknowledged
    seen.latencies.push(...crew.latencies)
    seen.compactions += compactions
    seen.lost += lost.length
    seen.damaged += damage ? 1 : 0
    if (loud && (lost.length > 0 || damage)) console.error(`cut ${n}: ${lost.length} acknowledged edits are missing, ${damage ?? 'no damage'}`)
  }
  return seen
}

/** Uses something and ends it. Should this process end by an error of somebody else, what its `stop` does at once must do. */
const using = async (thing, use) => {
  const leave = () => { thing.stop() }
  process.prependListener('exit', leave)
  try {
    return await use(thing)
  } finally {
    await thing.stop()
    process.off('exit', leave)
  }
}

/** The end of a server that may stand still: it would not hear that it is to stop. */
const ending = (server) => ({
  stop: async () => {
    if (server.running) await server.kill()
    await server.stop({ clean: false })
  }
})

/** A series of cuts of one disk. The new database is put onto it before the first one: how it was made needs no syncs. */
const series = ({ forgets = false, ...how }) => using(new ForgetfulDisk(STORES[values.store].bytes), async (disk) =>
  using(await begin(values.store, { folder: disk.folder, forgets }), async (store) => {
    disk.sync()
    const server = await Server.start({ ...store.environment, ...COMPACTING })
    return using(ending(server), () => cutAgain({ disk, store, server, ...how }))
  }))

/** Syncs that do nothing: the least that this run must be able to see. They may also leave no database at all. */
const control = async () => {
  try {
    return await series({ forgets: true, cuts: CONTROLS, from: seed, loud: false })
  } catch (error) {
    // What cannot even be asked is lost.
    if (!/ended before it was ready|PostgreSQL ended at its (start|check|ask)/.test(error.message)) throw error
    await step()
    return { acknowledged: NaN, compactions: NaN, lost: Infinity, damaged: 1, latencies: [] }
  }
}

const row = (what, cuts, seen) => ({
  run: what,
  cuts,
  compactions: seen.compactions,
  acknowledged: seen.acknowledged,
  missing: seen.lost,
  damaged: seen.damaged,
  'p50 ms': percentile(seen.latencies, 50).toFixed(1),
  'p99 ms': percentile(seen.latencies, 99).toFixed(1)
})

if (!STORES[values.store]) throw new Error(`there is no store ${values.store}: ${Object.keys(STORES).join(', ')}`)
const forbidden = cannotMount()
if (forbidden) {
  console.log(`!!! 0 POWER CUTS RUN of ${values.cuts}: loop mounts are impossible here (${forbidden}). Run it as root on a machine that allows them.`)
  process.exit(0)
}
const cuts = Number(values.cuts)
const lied = await control()
const seen = await series({ cuts, from: seed + 1, loud: true })
const { marks, control: lie } = STORES[values.store]
report(marks, `make durability CUTS=${cuts} STORE=${values.store}`, [
  table([row(`power cut on ${seen.name}`, cuts, seen), row(`control: ${lie}`, CONTROLS, lied)]),
  '',
  `${WRITERS} writers at ${values.rate} edits a second each, ext4 in a loop file, seed ${seed}.`
].join('\n'))
if (lied.lost === 0) throw new Error('a disk that syncs nothing went unnoticed: this run shows nothing')
if (seen.lost > 0 || seen.damaged > 0) throw new Error(`${seen.lost} acknowledged edits are missing, ${seen.damaged} databases are damaged`)
