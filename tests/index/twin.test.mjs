import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as encoding from 'lib0/encoding'
import { deal } from './lib/deal.mjs'
import { Oracle } from './lib/oracle.mjs'
import { application, apply, listed } from './lib/twin.mjs'

/** SESSIONS sets how many sessions of 60 hostile updates each; SEED where they start. `make test-index-long` runs 5,000. */
const sessions = Number(process.env.SESSIONS ?? 600)
const first = Number(process.env.SEED ?? 0)

test('whatever the index accepts of hostile updates, Yjs applies without an exception and without pending structs', { timeout: 2 * 60 * 60 * 1000 }, async t => {
  const begun = performance.now()
  const { tally, failures } = await deal({ kind: 'twin', updates: 60 }, first, sessions)
  assert.deepEqual(failures, [])
  const { reasons, clean, ways, ...sums } = tally
  t.diagnostic(`${sessions} sessions of 60 updates from ${first} in ${((performance.now() - begun) / 1000).toFixed(0)} s: ${JSON.stringify(sums)}`)
  t.diagnostic(`refused by reason: ${JSON.stringify(reasons)}`)
  t.diagnostic(`of those a fresh Yjs applies cleanly: ${JSON.stringify(clean)}`)
  for (const [way, counts] of Object.entries(ways)) t.diagnostic(`${way}: ${JSON.stringify(counts)}`)
  assert.ok(sums.taken > 20 * sessions, 'most of what is sound is taken')
  assert.ok(Object.keys(clean).every(reason => listed.has(reason)))
  if (sessions < 200) return
  for (const reason of ['zero-length', 'forward-reference', 'cycle', 'document-options', 'prototype', 'json', 'utf8']) assert.ok(reasons[reason] > 0, `${reason} was tried`)
  for (const [way, { taken }] of Object.entries(ways)) assert.ok(way === 'truncated' || taken > 0, `some of ${way} is taken`)
})

test('types that hang as deep in one another as is taken can be deleted', async t => {
  const oracle = new Oracle()
  t.after(() => oracle.close())
  for (const collect of [true, false]) {
    await oracle.reset({ collect })
    const [{ refused, cause, taken }] = await oracle.admit([nested(2000)])
    assert.equal(cause, 'depth')
    const deepest = Number(refused.split(':')[1])
    const [deletion] = await oracle.admit([nested(0, 1)])
    for (const gc of [true, false]) {
      const live = application({ gc })
      assert.equal(apply(live, taken), null)
      assert.equal(apply(live, deletion.taken), null)
      assert.equal(apply(application({ gc }), await oracle.encode()), null)
    }
    t.diagnostic(`collect ${collect}: ${deepest} types in one another are taken`)
  }
})

/** Arrays in arrays; or a deletion of the first. */
function nested (depth, deleted = 0) {
  const encoder = encoding.createEncoder()
  const write = (...numbers) => { for (const number of numbers) encoding.writeVarUint(encoder, number) }
  write(depth ? 1 : 0)
  if (depth) write(depth, 1, 0)
  for (let n = 0; n < depth; n++) {
    write(7)
    if (n) write(0, 1, n - 1)
    else { write(1); encoding.writeVarString(encoder, 'a') }
    write(0)
  }
  write(deleted)
  if (deleted) write(1, 1, 0, 1)
  return encoding.toUint8Array(encoder)
}
