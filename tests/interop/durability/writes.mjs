/**
 * The n-th write fails: a fixed scenario on a database of its own, once for each write of it and each way in which a write fails.
 *
 * `node durability/writes.mjs [--every 1] [--first 1]`, in tests/interop. `--every 7` takes every seventh n. A preloaded shim fails the
 * server's own SQLite. Afterwards nothing that was acknowledged may be missing, the file must be whole, and the server must
 * have gone on by itself. The control: a sync that loses what it was to keep, and says nothing, must break a promise. Writes a table
 * to standard output.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { coldLoad } from '../harness/converge.mjs'
import { report } from '../harness/report.mjs'
import { Server } from '../harness/server.mjs'
import { table } from '../harness/statistics.mjs'
import { token } from '../harness/tokens.mjs'
import { until } from '../harness/until.mjs'
import { Author, LIST } from './author.mjs'
import { FAULTS, FailingDisk, isSync } from './disk.mjs'
import { integrity } from './stores.mjs'

const { values } = parseArgs({ options: { every: { type: 'string', default: '1' }, first: { type: 'string', default: '1' } } })

/** Edits of the scenario, one after another: small ones, and one that fills many pages. */
const WEIGHTS = [0, 10, 0, 20_000, 0, 300, 0, 0]
const NAMES = ['one', 'two']

/** Compaction comes in the middle of it, and so do rows that go from segments to their documents. */
const SETTINGS = { TANDEM__LIMITS__COMPACT_ROWS: '3', TANDEM__LIMITS__COMPACT_BYTES: '1', TANDEM__STORE__TAIL_ROWS: '4' }

/** What no server can survive. */
const CONTROL = 'sync that loses and says nothing'

const disk = new FailingDisk()

/** How long an acknowledgement may take, in milliseconds; less where none is expected. */
const SAVED_WITHIN_MS = 20_000
const CONTROL_WITHIN_MS = 3_000

/** Two authors write in turn, each waiting for its acknowledgements; then the server is asked to stop. */
const scenario = async (fault, n, within = SAVED_WITHIN_MS) => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-writes-'))
  const file = join(folder, 'tandem.db')
  const environment = { DATABASE_URL: `sqlite://${file}?mode=rwc`, ...SETTINGS, ...disk.environment(file) }
  disk.arm(fault, n)
  let server
  const authors = []
  try {
    server = await Server.start(environment).catch((error) => error)
    let refusedToStart = false
    if (server instanceof Error) {
      // It may refuse to start on a disk that fails. The next start must do.
      if (disk.counts.failed !== 1 || !/ended before it was ready/.test(server.message)) throw server
      refusedToStart = true
      server = await Server.start(environment)
    }
    authors.push(...NAMES.map((name, at) => new Author(server, name, { id: at + 1, token: token(name) })))
    for (const author of authors) author.join()
    await until('all have joined', authors, () => authors.every(({ joined }) => joined))
    for (const weight of WEIGHTS) {
      for (const author of authors) author.write(undefined, weight)
      await until('all is acknowledged', [...authors, server], () => authors.every(({ saved }) => saved) || !server.running, within)
      if (!server.running) throw new Error(`the server ended: ${server.describe()}`)
    }
    const exit = await server.terminate()
    const { writes, syncs, failed } = disk.counts
    if (exit.code !== 0) throw new Error(`asked to stop it ended with ${JSON.stringify(exit)}\n${server.log().split('\n').slice(-8).join('\n')}`)
    disk.disarm()
    await check(server, file, authors)
    return { writes, syncs, failed, refusedToStart, panicked: /panicked: /.test(server.log()) }
  } finally {
    for (const author of authors) author.destroy()
    if (server instanceof Server) await server.stop({ clean: false })
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a fresh start and a real Yjs make of the file. */
const check = async (server, file, authors) => {
  for (const author of authors) author.destroy()
  const whole = integrity(file)
  if (whole !== 'ok') throw new Error(`the database is damaged: ${whole}`)
  await server.begin()
  for (const author of authors) {
    const held = new Set((await coldLoad(server, author.name)).getArray(LIST).toArray())
    const lost = [...author.acknowledged].filter((mark) => !held.has(mark))
    if (author.acknowledged.size !== WEIGHTS.length || author.refused > 0) throw new Error(`not all was acknowledged: ${author.describe()}`)
    if (lost.length > 0) throw new Error(`acknowledged and missing: ${lost.map((mark) => mark.slice(0, 20))}`)
  }
}

const every = Number(values.every)
const began = performance.now()
const rows = []
const broken = []
try {
  const quiet = await scenario(null, 0)
  // From the last on: the first ones only make the file.
  let n = quiet.syncs
  for (; n > 0; n -= 1) if (await scenario(CONTROL, n, CONTROL_WITHIN_MS).then(() => false, () => true)) break
  if (n === 0) throw new Error(`a ${CONTROL} went unnoticed: this run shows nothing`)
  console.error(`control: a ${CONTROL} is noticed at n = ${n} of ${quiet.syncs}`)
  for (const fault of Object.keys(FAULTS).filter((fault) => fault !== CONTROL)) {
    const count = isSync(fault) ? quiet.syncs : quiet.writes
    const row = { fails: fault, of: count, tried: 0, failed: 0, 'refused to start': 0, broken: 0 }
    // Of few, some: a way to fail that was not tried shows nothing.
    const step = Math.max(1, Math.min(every, Math.floor(count / 2)))
    for (let n = Math.min(Number(values.first), step); n <= count; n += step) {
      row.tried += 1
      try {
        const { failed, refusedToStart, panicked } = await scenario(fault, n)
        row.failed += failed
        row['refused to start'] += refusedToStart ? 1 : 0
        if (panicked) throw new Error('something panicked')
      } catch (error) {
        row.broken += 1
        broken.push(`${fault}, n = ${n}: ${error.message}`)
        console.error(broken.at(-1))
      }
    }
    rows.push(row)
  }
} finally {
  disk.stop()
}
report('writes', 'make durability-writes', `${table(rows)}\n\nEvery ${every === 1 ? '' : `${every}th `}n; it took ${Math.round((performance.now() - began) / 1000)} s. A ${CONTROL} is noticed.`)
if (rows.some(({ failed }) => failed === 0)) throw new Error('nothing failed: this run shows nothing')
if (broken.length > 0) throw new Error(`${broken.length} runs broke a promise`)
