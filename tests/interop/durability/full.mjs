/**
 * A full disk: a small file system in memory, filled under writing load, and given room again.
 *
 * `node durability/full.mjs`, in tests/interop; as root, where mounts are allowed. While there is no room nothing is acknowledged
 * and nobody is thrown out; when there is, all is acknowledged without a restart. Writes one line to standard output.
 */
import { join } from 'node:path'

import { coldLoad } from '../harness/converge.mjs'
import { report } from '../harness/report.mjs'
import { Server } from '../harness/server.mjs'
import { token } from '../harness/tokens.mjs'
import { pause, until } from '../harness/until.mjs'
import { Author, LIST } from './author.mjs'
import { SmallDisk, cannotMount } from './disk.mjs'
import { integrity } from './stores.mjs'

const AUTHORS = 5
const ROUNDS = 3
/** Edits of each author before a commit must have failed: many times what the log's file may still have room for. */
const EDITS_MAX = 400
const EDIT_BYTES = 50_000

const fail = (what, ...who) => { throw new Error([what, ...who.map((one) => one.describe())].join('\n')) }

const starve = async (disk, server, authors) => {
  const failures = await server.metric('tandem_journal_commit_failures_total')
  disk.fill()
  for (let n = 0; await server.metric('tandem_journal_commit_failures_total') === failures; n += 1) {
    if (!server.running) fail('the server ended for want of room', server)
    if (n === EDITS_MAX) fail('no commit failed on a full disk', ...authors)
    for (const author of authors) author.write(undefined, EDIT_BYTES)
    await pause(5)
  }
  if (authors.some(({ joined }) => !joined)) fail('somebody was thrown out for want of room', ...authors)
  if (authors.every(({ saved }) => saved)) fail('nothing was held back', ...authors)
  disk.free()
  await until('all is acknowledged once there is room', authors, () => authors.every(({ saved }) => saved), 60_000)
}

const forbidden = cannotMount()
if (forbidden) {
  console.log(`!!! THE FULL DISK WAS NOT RUN: mounts are impossible here (${forbidden}). Run it as root on a machine that allows them.`)
  process.exit(0)
}
const disk = new SmallDisk(128)
const file = join(disk.folder, 'tandem.db')
const server = await Server.start({ DATABASE_URL: `sqlite://${file}?mode=rwc` })
const authors = Array.from({ length: AUTHORS }, (_, n) => new Author(server, `full-${n % 2}`, { id: n + 1, token: token(`author ${n}`) }))
try {
  for (const author of authors) author.join()
  await until('all have joined', authors, () => authors.every(({ joined }) => joined))
  for (let round = 0; round < ROUNDS; round += 1) await starve(disk, server, authors)
  const failures = await server.metric('tandem_journal_commit_failures_total')
  await server.kill()
  for (const author of authors) author.destroy()
  const whole = integrity(file)
  if (whole !== 'ok') fail(`the database is damaged: ${whole}`)
  await server.begin()
  for (const author of authors) {
    const held = new Set((await coldLoad(server, author.name)).getArray(LIST).toArray())
    const lost = [...author.acknowledged].filter((mark) => !held.has(mark))
    if (lost.length > 0 || author.acknowledged.size !== author.written || author.refused > 0) fail(`${lost.length} are missing`, author)
  }
  report('full', 'make durability-writes', `The disk was full ${ROUNDS} times: ${failures} commits failed, ${authors.reduce((sum, { written }) => sum + written, 0)} edits acknowledged after it had room again, 0 missing, no restart.`)
} finally {
  for (const author of authors) author.destroy()
  await server.stop({ clean: false })
  disk.stop()
}
