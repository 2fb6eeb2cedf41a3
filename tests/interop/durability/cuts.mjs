/**
 * Power cuts at random moments under writing load: what a disk holds that forgets all that was not synced.
 *
 * `node durability/cuts.mjs [--cuts 20] [--rate 50]`, in tests/interop; as root, where loop mounts are allowed. The server stands
 * still while the disk is copied, at any moment, also in the middle of a sync. The control comes first: a disk that only says that
 * it synced must show a loss. Writes a table to standard output.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { random, seed } from '../harness/random.mjs'
import { Server } from '../harness/server.mjs'
import { pause } from '../harness/until.mjs'
import { COMPACTING, Crews, WRITERS } from './crew.mjs'
import { FailingDisk, ForgetfulDisk, cannotMount } from './disk.mjs'
import { report } from './report.mjs'
import { percentile, table } from './statistics.mjs'
import { integrity } from './stores.mjs'

const CONTROLS = 1
const LOAD_MS = 500

const { values } = parseArgs({ options: { cuts: { type: 'string', default: '20' }, rate: { type: 'string', default: '50' } } })

const oneCut = async (disk, server, file, crew, draw) => {
  crew.join()
  crew.begin()
  if (draw.below(10) > 0) await crew.whenJoined()
  await pause(draw.below(LOAD_MS))
  const compactions = await server.metric('tandem_compactions_total')
  process.kill(server.pid, 'SIGSTOP')
  disk.cut()
  // What was acknowledged before the server stood still may still be on its way to us.
  await pause(0)
  await server.kill()
  crew.leave()
  disk.restore()
  await server.begin()
  const lost = await crew.missing(server)
  return { compactions, lost, damage: await damageOf(server, file) }
}

const damageOf = async (server, file) => {
  await server.kill()
  const found = integrity(file)
  await server.begin()
  return found === 'ok' ? null : found
}

const series = async ({ shim, cuts, from, loud }) => {
  const disk = new ForgetfulDisk()
  const file = join(disk.folder, 'tandem.db')
  const server = await Server.start({ DATABASE_URL: `sqlite://${file}?mode=rwc`, ...COMPACTING, ...(shim?.environment(file) ?? {}) })
  const crews = new Crews(Number(values.rate))
  const draw = random(from)
  const seen = { acknowledged: 0, compactions: 0, lost: 0, damaged: 0, latencies: [] }
  try {
    for (let n = 1; n <= cuts; n += 1) {
      const crew = crews.next(server)
      const { compactions, lost, damage } = await oneCut(disk, server, file, crew, draw)
      seen.acknowledged += crew.acknowledged
      seen.latencies.push(...crew.latencies)
      seen.compactions += compactions
      seen.lost += lost.length
      seen.damaged += damage ? 1 : 0
      if (loud && (lost.length > 0 || damage)) console.error(`cut ${n}: ${lost.length} acknowledged edits are missing, ${damage ?? 'no damage'}`)
    }
  } finally {
    await server.stop({ clean: false })
    disk.stop()
  }
  return seen
}

/** A disk that lies: the least that this run must be able to see. It may also leave no database at all. */
const control = async () => {
  const shim = new FailingDisk()
  shim.lies = true
  try {
    return await series({ shim, cuts: CONTROLS, from: seed, loud: false })
  } catch (error) {
    if (!/ended before it was ready/.test(error.message)) throw error
    return { acknowledged: NaN, compactions: NaN, lost: Infinity, damaged: 1, latencies: [] }
  } finally {
    shim.stop()
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

const forbidden = cannotMount()
if (forbidden) {
  console.log(`!!! 0 POWER CUTS RUN of ${values.cuts}: loop mounts are impossible here (${forbidden}). Run it as root on a machine that allows them.`)
  process.exit(0)
}
const cuts = Number(values.cuts)
const lied = await control()
const seen = await series({ cuts, from: seed + 1, loud: true })
report('cuts', `make durability CUTS=${cuts}`, [
  table([row('power cut on SQLite', cuts, seen), row('control: the disk only says that it synced', CONTROLS, lied)]),
  '',
  `${WRITERS} writers at ${values.rate} edits a second each, ext4 in a loop file, seed ${seed}.`
].join('\n'))
if (lied.lost === 0) throw new Error('a disk that syncs nothing went unnoticed: this run shows nothing')
if (seen.lost > 0 || seen.damaged > 0) throw new Error(`${seen.lost} acknowledged edits are missing, ${seen.damaged} databases are damaged`)
