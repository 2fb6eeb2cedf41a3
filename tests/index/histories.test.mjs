import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deal } from './lib/deal.mjs'

/** HISTORIES sets how many; SEED where they start. `make test-index` runs some, `make test-index-long` 5,000. */
const histories = Number(process.env.HISTORIES ?? 200)
const first = Number(process.env.SEED ?? 0)

test('a fresh Yjs makes the same document of the index’ encodings as of Yjs’ own merge', { timeout: 2 * 60 * 60 * 1000 }, async t => {
  const begun = performance.now()
  const { sums, failures } = await deal({ kind: 'histories' }, first, histories)
  assert.deepEqual(failures, [])
  assert.equal(sums.histories, histories)
  // Yjs' own disagreements must stay what they are: rare.
  assert.ok(sums.cleanups <= 1 + histories / 100, `${sums.cleanups} times other marks were cleaned up`)
  t.diagnostic(`${histories} histories from ${first} in ${((performance.now() - begun) / 1000).toFixed(0)} s: ${sums.updates} updates of ${sums.operations} operations, all accepted`)
  t.diagnostic(`${sums.plain} without formatting, ${sums.deletes} delete-heavy, ${sums.offline} operations offline, ${sums.undos} undone or redone, ${sums.subdocs} sub-documents`)
  t.diagnostic(`${sums.differences} differences from random state vectors; ${sums.cleanups} times Yjs cleaned up other marks`)
  t.diagnostic(`bytes: mergeUpdates ${sums.merge}, collected ${sums.ours}, kept ${sums.kept}`)
})
