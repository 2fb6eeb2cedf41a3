// Readers that stop reading beside readers that do not: memory stays bounded, and the others are not slowed.
//
// With ATTACK_LONG=1 (`make attack-long`): 20 stalled beside 200 healthy for a minute at 1 MB/s, in turns with runs without
// them. Else a short form, which asserts the bound of memory and that nobody is held up.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { BINARY, Bare } from './harness/bare.mjs'
import { text, update } from './harness/forge.mjs'
import { Processor } from './harness/processor.mjs'
import { letters } from './harness/random.mjs'
import { report } from './harness/report.mjs'
import { percentile, table } from './harness/statistics.mjs'
import { Company, Server, fresh, token } from './harness/suite.mjs'
import { pause, polled, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const LONG = process.env.ATTACK_LONG === '1'
const STALLED = LONG ? 20 : 10
const HEALTHY = LONG ? 200 : 5
const SECONDS = Number(process.env.ATTACK_SECONDS ?? (LONG ? 60 : 4))
const RUNS = LONG ? 3 : 1
// The systems between server and reader hold some megabytes of their own: in a short time it takes more to lap a ring.
const BLOCK = LONG ? 20_000 : 100_000
const BLOCKS_A_SECOND = 50
const MIB = 1024 * 1024

/** A reader that takes part in a document, and says when each block came. */
const reader = async (company, server, name, n, onBlock) => {
  const bare = company.keep(new Bare(server, `/yjs/${name}?token=${token(`reader ${n}`)}`, {
    from: `127.0.3.${1 + n % 100}`,
    onFrame: onBlock && ((opcode, bytes) => {
      if (opcode !== BINARY || bytes.length < BLOCK) return
      const at = bytes.indexOf('sent:')
      if (at >= 0) onBlock(performance.now() - Number(bytes.toString('latin1', at + 5, at + 20)))
    })
  }))
  await bare.opened()
  bare.send(BINARY, wire.sync(null, wire.STEP1, new Uint8Array([0])))
  bare.send(BINARY, wire.sync(null, wire.STEP2, new Uint8Array([0, 0])))
  return bare
}

/** One run: blocks at a steady rate, whoever reads; resolves with the p99 of the healthy and the server's memory. */
const run = async (server, stalled) => {
  const company = new Company()
  const name = fresh('stalled')
  const times = []
  const processor = new Processor(server.pid)
  try {
    for (let n = 0; n < HEALTHY; n += 1) await reader(company, server, name, n, (milliseconds) => times.push(milliseconds))
    const stopped = []
    for (let n = 0; n < stalled; n += 1) {
      const bare = await reader(company, server, name, n, null)
      bare.pause()
      stopped.push(bare)
    }
    const writer = await reader(company, server, name, HEALTHY, null)
    const doc = new Y.Doc()
    doc.on('update', (update) => writer.send(BINARY, wire.sync(null, wire.UPDATE, update)))
    const filler = letters(BLOCK)
    const began = performance.now()
    let most = 0
    for (let n = 0; n < SECONDS * BLOCKS_A_SECOND; n += 1) {
      const due = began + n * 1_000 / BLOCKS_A_SECOND
      if (due > performance.now()) await pause(due - performance.now())
      doc.getMap('block').set('newest', `sent:${performance.now().toFixed(6).padStart(15)}${filler}`)
      if (n % BLOCKS_A_SECOND === 0) most = Math.max(most, processor.memory())
    }
    const expected = SECONDS * BLOCKS_A_SECOND * HEALTHY
    await polled(() => times.length >= expected, 5_000)
    most = Math.max(most, processor.memory())
    assert.ok(stopped.every(({ ended }) => !ended))
    const laps = await server.metric('tandem_outbox_laps_total')
    const ring = await server.metric('tandem_outbox_bytes')
    // Whoever reads again gets all that is there in one merged difference.
    for (const bare of stopped) bare.resume()
    const received = stopped.map((bare) => bare.received)
    const goesOn = (bare, n) => bare.received > received[n] + BLOCK
    await polled(() => stopped.every(goesOn), 5_000)
    assert.ok(stopped.every(goesOn), 'one that reads again gets nothing')
    return { p99: percentile(times, 99), delivered: times.length / expected, most, laps, ring }
  } finally {
    await company.leave()
  }
}

test(`${STALLED} readers that stop reading cost 1 MiB each at most, beside ${HEALTHY} that are not slowed`, async (t) => {
  const server = await Server.start({
    TANDEM__LIMITS__STALL_SECONDS: '3600', TANDEM__LIMITS__PONG_SECONDS: '3600', TANDEM__LIMITS__SOCKETS_PER_ADDRESS: '1000'
  })
  t.after(() => server.stop())
  // What stays from a first run is no stalled reader's.
  await run(server, 0)
  const runs = []
  for (let n = 0; n < RUNS; n += 1) {
    const without = await run(server, 0)
    runs.push({ without, beside: await run(server, STALLED) })
  }
  /** What a stalled reader cost, in bytes. */
  const grown = ({ without, beside }) => (beside.most - without.most) / STALLED
  for (const { without, beside } of runs) {
    const grew = grown({ without, beside })
    t.diagnostic(`p99 ${without.p99.toFixed(1)} ms without, ${beside.p99.toFixed(1)} ms beside them; memory ${(without.most / MIB).toFixed(1)} and ${(beside.most / MIB).toFixed(1)} MiB, ${(grew / MIB).toFixed(2)} MiB each; ring ${(beside.ring / MIB).toFixed(2)} MiB, laps ${beside.laps}`)
    assert.ok(beside.laps > 0, 'nobody was lapped: the test showed nothing')
    assert.ok(beside.delivered > 0.99, `the healthy got ${(100 * beside.delivered).toFixed(1)} %`)
    assert.ok(grew <= MIB, `${(grew / MIB).toFixed(2)} MiB each`)
  }
  if (!LONG) return
  const ratios = runs.map(({ without, beside }) => beside.p99 / without.p99)
  const ratio = percentile(ratios, 50)
  t.diagnostic(`p99 beside them over p99 without: ${ratios.map((one) => one.toFixed(2)).join(', ')}`)
  assert.ok(ratio <= 1.2, `p99 is ${ratio.toFixed(2)} times that without them`)
  report('stalled', 'make attack-long', [
    table(runs.map(({ without, beside }, n) => ({
      pair: n + 1,
      'p99 without, ms': without.p99.toFixed(1),
      'p99 beside, ms': beside.p99.toFixed(1),
      ratio: ratios[n].toFixed(2),
      'MiB a stalled reader': (grown({ without, beside }) / MIB).toFixed(2),
      laps: beside.laps
    }))),
    '',
    `${STALLED} stalled beside ${HEALTHY} others of one document, ${SECONDS} s at ${BLOCK * BLOCKS_A_SECOND / 1e6} MB/s, in turn with the same without them. The median of the ratios may be 1.2.`
  ].join('\n'))
})

test('a socket that asks for a document under a hundred names and reads nothing is owed one answer at a time', async (t) => {
  const server = await Server.start({ TANDEM__LIMITS__STALL_SECONDS: '3600' })
  t.after(() => server.stop())
  const company = new Company()
  t.after(() => company.leave())
  const [name, keys, long] = [fresh('asked-for'), 100, 2 * MIB]
  const writer = await reader(company, server, name, 0, null)
  writer.send(BINARY, wire.sync(null, wire.UPDATE, update([{ client: 1, clock: 0, structs: [text(letters(long))] }])))
  let answers = 0
  const asker = company.keep(new Bare(server, '/hocuspocus', {
    onFrame: (opcode, bytes) => {
      if (opcode === BINARY && bytes.length > long / 2) answers += 1
      asker.emit('change')
    }
  }))
  await asker.opened()
  const processor = new Processor(server.pid)
  await processor.settled()
  const before = processor.memory('VmHWM')
  asker.pause()
  // Each lacks something else: no answer is another one's.
  for (let n = 0; n < keys; n += 1) asker.send(BINARY, wire.auth(`${name}\0${n}`, token('asker', { '*': 'viewer' })))
  for (let n = 0; n < keys; n += 1) asker.send(BINARY, wire.sync(`${name}\0${n}`, wire.STEP1, new Uint8Array([1, 1, 1 + n])))
  await processor.settled()
  asker.resume()
  await until('every name is answered', asker, () => answers === keys, 60_000)
  const grew = (processor.memory('VmHWM') - before) / long
  t.diagnostic(`at most ${grew.toFixed(1)} answers were held`)
  assert.ok(grew < 10, `${grew.toFixed(1)} answers were held`)
})
