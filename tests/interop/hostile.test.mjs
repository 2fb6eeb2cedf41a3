// Hostile inputs, one after another: a typed refusal, nobody else affected, and what it costs the server.
//
// With ATTACK_COST=1 (`make attack-cost`) each is sent five times and its price asserted: at most 10 ms of the server's CPU
// and 10 ms a MiB of input, median of five. That wants a release build and a machine that does nothing else.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as Y from 'yjs'

import { attacks } from './harness/attacks.mjs'
import { open } from './harness/clients.mjs'
import { coldLoad } from './harness/converge.mjs'
import { Processor } from './harness/processor.mjs'
import { report } from './harness/report.mjs'
import { percentile, table } from './harness/statistics.mjs'
import { Company, Raw, Server, fresh, token } from './harness/suite.mjs'
import { polled, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const COST = process.env.ATTACK_COST === '1'
const ONLY = process.env.ATTACK_ONLY
const TIMES = COST ? 5 : 1
const FIXED_MS = 10
const MS_PER_MIB = 10
const MIB = 1_048_576
/** So many are told of. */
const NEAREST = 12

/** Attacks that CI leaves to the long form: their seconds are the server's own waits, and one of them is enough. */
const chosen = attacks.filter(({ what, slow }) => (COST || !slow || what === 'a gap') && (!ONLY || what.includes(ONLY)))

const isStatus = (status) => (frame) => frame.type === wire.SYNC_STATUS && frame.status === status
const isStep = (subtype) => (frame) => frame.type === wire.SYNC && frame.subtype === subtype

/** Answers every question with the same bytes again, as a Yjs with pending structs does. */
const insist = (raw, key, bytes) => {
  let answered = 0
  raw.on('change', () => {
    const asked = raw.frames.filter(isStep(wire.STEP1)).length
    for (; answered < asked; answered += 1) raw.send(wire.sync(key, wire.STEP2, bytes))
  })
}

const decided = (raw, { told, code, times = 1 }) => {
  switch (told) {
    case 'refused': return until('it is refused', raw, () => raw.frames.filter(isStatus(0)).length >= times, 60_000)
    case 'taken': return raw.next('it is taken', isStatus(1), 60_000)
    case 'answered': return raw.next('it is answered', isStep(wire.STEP2), 60_000)
    case 'closed': return raw.next('the document is closed', (frame) => frame.type === wire.CLOSE, 60_000).then(({ text }) => assert.equal(text, code))
    case 'cut off': return raw.whenEnded(60_000).then((end) => assert.equal(end.code, code))
    default: return null
  }
}

/** One attack on a document of its own with a reader at work; resolves with the server's milliseconds. */
const strike = async (company, server, processor, attack) => {
  const name = fresh('hostile')
  const reader = company.keep(open('y-websocket', server, name, { token: token('reader'), who: 'reader' }))
  await reader.whenSynced()
  reader.type('before. ')
  const raw = await company.raw(Raw.authenticated(server, name, token('hostile')))
  const counted = attack.reason && ['tandem_refusals_total', 'tandem_updates_refused_total']
  const count = async () => counted ? (await Promise.all(counted.map((metric) => server.metric(metric, { reason: attack.reason })))).reduce((a, b) => a + b) : 0
  const before = await count()
  if (attack.victim) {
    const held = async () => (await coldLoad(server, name)).getText('text').toString()
    let there = ''
    await polled(async () => (there = await held()) !== '', 10_000)
    assert.equal(there, 'before. ')
  }
  const frames = attack.frames(name, reader.doc)
  if (attack.answer) insist(raw, name, attack.answer())
  const since = await processor.settled()
  for (const frame of frames) raw.send(frame)
  await decided(raw, attack)
  if (attack.told === 'ignored') {
    // It is handled when a question behind it is answered.
    raw.send(wire.sync(name, wire.STEP1, new Uint8Array([0])))
    await raw.next('what comes behind it is answered', isStep(wire.STEP2), 60_000)
  }
  const milliseconds = await processor.settled() - since
  if (counted) {
    await polled(async () => await count() !== before, 2_000)
    assert.ok(await count() > before, `${attack.reason} is not counted`)
  }
  if (!['closed', 'cut off'].includes(attack.told)) assert.equal(raw.end, null, 'its socket was closed')
  company.dismiss(raw)
  reader.type('after. ')
  const newcomer = company.keep(open('hocuspocus', server, name, { token: token('newcomer'), who: 'newcomer' }))
  await newcomer.whenSynced(60_000)
  await until('the newcomer hears the reader', [reader, newcomer], () => newcomer.text.toString().includes('after. '), 60_000)
  if (attack.reason !== 'full') {
    newcomer.doc.getArray('alive').push([1])
    await until('the reader hears the newcomer', [reader, newcomer], () => reader.doc.getArray('alive').length === 1, 60_000)
    await newcomer.whenSaved(60_000)
  }
  for (const { doc, closes } of [reader, newcomer]) {
    assert.deepEqual(closes, [])
    assert.deepEqual([doc.store.pendingStructs, doc.store.pendingDs], [null, null])
  }
  // What was taken loads in a fresh Yjs.
  Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(newcomer.doc))
  company.dismiss(reader)
  company.dismiss(newcomer)
  return { milliseconds, bytes: frames.reduce((sum, { length }) => sum + length, 0) * (attack.slow ? 4 : 1) }
}

/** What each came to, for docs/RELIABILITY.md. */
const found = []

/** Those that came nearest to their price, and how many there are. */
const costs = () => {
  const nearest = found.toSorted((one, other) => other.cost / other.most - one.cost / one.most).slice(0, NEAREST)
  return [
    table(nearest.map(({ what, cost, bytes, most }) => ({ attack: what, MiB: (bytes / MIB).toFixed(2), 'CPU ms': cost.toFixed(1), 'at most': most.toFixed(1) }))),
    '',
    `The ${nearest.length} of ${found.length} that came nearest to what they may cost; medians of ${TIMES}.`
  ].join('\n')
}

describe('hostile inputs', { concurrency: 1 }, () => {
  for (const attack of chosen) {
    test(`${attack.what}: ${attack.told}${attack.code ? ` ${attack.code}` : ''}, and the others go on`, async (t) => {
      const { server, company, processor } = await shared()
      const seen = []
      for (let n = 0; n < TIMES; n += 1) seen.push(await strike(company, server, processor, attack))
      const [cost, bytes] = [percentile(seen.map(({ milliseconds }) => milliseconds), 50), seen[0].bytes]
      const most = FIXED_MS + MS_PER_MIB * bytes / MIB
      found.push({ what: attack.what, cost, bytes, most })
      t.diagnostic(`${cost.toFixed(1)} ms of CPU for ${(bytes / MIB).toFixed(2)} MiB, at most ${most.toFixed(1)}`)
      if (COST) assert.ok(cost <= most, `${cost.toFixed(1)} ms of CPU, at most ${most.toFixed(1)}`)
    })
  }

  test('nothing of all that made the server panic, and it ends cleanly', async () => {
    const { server, company } = await shared()
    await company.leave()
    assert.equal(await server.metric('tandem_panics_total'), 0)
    const within = found.length === chosen.length && found.every(({ cost, most }) => cost <= most)
    if (COST && !ONLY && within) report('price', 'make attack-cost', costs())
    await server.stop()
  })
})

let sharing = null
const shared = () => {
  sharing ??= (async () => {
    // Readers and newcomers share this process, which may be silent while it makes an attack.
    const server = await Server.start({ TANDEM__LIMITS__PONG_SECONDS: '60', TANDEM__LIMITS__ROOM_IDLE_SECONDS: '0' })
    return { server, company: new Company(), processor: new Processor(server.pid) }
  })()
  return sharing
}
