// A paper being written, edit by edit, through a socket: the text at the end is exactly the text that the trace states.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import * as Y from 'yjs'

import { coldLoad, converge } from './harness/converge.mjs'
import { random, seed } from './harness/random.mjs'
import { fresh, suite } from './harness/suite.mjs'
import { turn, until } from './harness/until.mjs'

const EDITS = 259_778
/** Frames that may wait for their acknowledgement: below what the server lets one session owe. */
const WINDOW = 5_000

const context = suite({ TANDEM__LIMITS__SESSION_FRAMES_PER_SECOND: '1000000', TANDEM__LIMITS__SESSION_FRAMES_BURST: '1000000' })

/**
 * A trace of the same size and shape: typing in runs at a place that moves now and then, a fifth of it taken back.
 */
const seeded = () => {
  const draw = random(seed)
  const txns = []
  let text = ''
  let at = 0
  const apply = (position, deleted, inserted) => { text = text.slice(0, position) + inserted + text.slice(position + deleted) }
  while (txns.length < EDITS) {
    if (draw.below(60) === 0) at = draw.below(text.length + 1)
    const back = at > 0 && draw.below(5) === 0
    const patch = back ? [at - 1, 1, ''] : [at, 0, draw.below(6) === 0 ? ' ' : String.fromCharCode(97 + draw.below(26))]
    apply(...patch)
    at += back ? -1 : 1
    txns.push({ patches: [patch] })
  }
  return { startContent: '', endContent: text, txns }
}

const load = () => {
  const file = process.env.TANDEM_TRACE
  if (!file) return { trace: seeded(), origin: `a seeded trace (seed ${seed}), since TANDEM_TRACE names none` }
  const bytes = readFileSync(file)
  const trace = JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'))
  return { trace, origin: 'the trace that TANDEM_TRACE names' }
}

test('a real editing trace replayed through a socket gives exactly its text, live and after a cold load', { timeout: 300_000 }, async (t) => {
  const { trace, origin } = load()
  t.diagnostic(`${origin}: ${trace.txns.length} edits`)
  const name = fresh('paper')
  const author = context.company.hocuspocus(context.server, name, { who: 'author' })
  const reader = context.company.yjs(context.server, name, { who: 'reader' })
  await Promise.all([author.whenSaved(), reader.whenSynced()])
  if (trace.startContent) author.text.insert(0, trace.startContent)

  const begun = Date.now()
  for (const [n, { patches }] of trace.txns.entries()) {
    author.doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) author.text.delete(position, deleted)
        if (inserted) author.text.insert(position, inserted)
      }
    })
    if (n % 200 === 0) await turn()
    if (author.acks.owed.length > WINDOW) await until('the server keeps up', author, () => author.acks.owed.length < WINDOW / 2, 60_000)
  }
  await author.whenSaved(120_000)
  const seconds = (Date.now() - begun) / 1000
  t.diagnostic(`${seconds.toFixed(1)} s, ${Math.round(trace.txns.length / seconds)} edits a second, acknowledged`)
  assert.equal(author.text.toString(), trace.endContent)
  await until('the reader has it all', reader, () => reader.text.length === trace.endContent.length, 60_000)
  assert.equal(reader.text.toString(), trace.endContent)
  await converge(context.server, [author, reader], { milliseconds: 60_000 })

  author.destroy()
  reader.destroy()
  await context.server.restart()
  const cold = await coldLoad(context.server, name, { milliseconds: 60_000 })
  assert.equal(cold.getText('text').toString(), trace.endContent)
  t.diagnostic(`the document loads as ${Y.encodeStateAsUpdate(cold).length} bytes`)
})
