import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deal } from './lib/deal.mjs'

/** SESSIONS sets how many sessions of 60 hostile updates each; SEED where they start. */
const sessions = Number(process.env.SESSIONS ?? 1500)
const first = Number(process.env.SEED ?? 0)

test('whatever the index accepts of hostile updates, Yjs applies without an exception and without pending structs', { timeout: 60 * 60 * 1000 }, async t => {
  const { tally, failures } = await deal({ kind: 'twin', updates: 60 }, first, sessions)
  assert.deepEqual(failures, [])
  t.diagnostic(`${sessions} sessions of 60 updates: ${JSON.stringify(tally)}`)
  assert.ok(tally.taken > 10 * sessions, 'most of what is invented is taken')
  for (const reason of ['zero-length', 'forward-reference', 'cycle', 'document-options', 'prototype', 'json', 'utf8']) {
    assert.ok(sessions < 200 || tally.reasons[reason] > 0, `${reason} was tried`)
  }
})
