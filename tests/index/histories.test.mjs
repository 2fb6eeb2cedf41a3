import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deal } from './lib/deal.mjs'

/** HISTORIES sets how many; SEED where they start. 5,000 take a bit over four minutes on two idle cores. */
const histories = Number(process.env.HISTORIES ?? 5000)
const first = Number(process.env.SEED ?? 0)

test('a fresh Yjs makes the same document of the index’ encodings as of Yjs’ own merge', { timeout: 60 * 60 * 1000 }, async t => {
  const { sums, failures } = await deal({ kind: 'histories' }, first, histories)
  assert.deepEqual(failures, [])
  // Yjs' own disagreements must stay what they are: rare.
  assert.ok(sums.cleanups <= 1 + histories / 100, `${sums.cleanups} times other marks were cleaned up`)
  t.diagnostic(`${histories} histories, ${sums.updates} updates, all accepted; bytes: ${JSON.stringify(sums)}`)
})
