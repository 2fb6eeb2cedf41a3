// A document being written, edit by edit: the public trace, or one of the same size and shape made from a seed.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'
import { random } from './random.mjs'

/** The size and shape of the public trace, which the seeded one follows. */
const edits = 259778
const kept = 104852

/** The trace that TANDEM_TRACE names, else a seeded one. */
export function loadTrace () {
  const path = process.env.TANDEM_TRACE
  if (!path) return { name: 'a seeded trace (TANDEM_TRACE names no file)', ...seeded(1) }
  const { txns, endContent } = JSON.parse(gunzipSync(readFileSync(path)).toString())
  return { name: 'the trace of TANDEM_TRACE', txns, endContent, isPublic: endContent.length === kept && txns.length >= edits - 1000 }
}

/** Somebody types in runs, goes back over the last words, and jumps to places that were written before. */
function seeded (seed) {
  const r = random(seed)
  const txns = []
  let text = ''
  let at = 0
  while (txns.length < edits) {
    if (r.chance(0.12)) at = r.below(text.length + 1)
    const deleting = text.length > 0 && r.chance(0.3)
    for (let n = 1 + r.below(deleting ? 8 : 14); n > 0 && txns.length < edits; n--) {
      if (deleting) {
        if (at === 0) break
        at--
        txns.push({ patches: [[at, 1, '']] })
        text = text.slice(0, at) + text.slice(at + 1)
      } else {
        const letter = 'etaoin shrdlu'[r.below(13)]
        txns.push({ patches: [[at, 0, letter]] })
        text = text.slice(0, at) + letter + text.slice(at)
        at++
      }
    }
  }
  return { txns, endContent: text, isPublic: false }
}

/** The update of each transaction of the client `id`, and what a collecting Yjs encodes in the end. */
export function typeTrace ({ txns }, id) {
  const updates = []
  const doc = new Y.Doc()
  doc.clientID = id
  const text = doc.getText('text')
  doc.on('update', update => updates.push(update))
  for (const { patches } of txns) {
    doc.transact(() => {
      for (const [at, deleted, inserted] of patches) {
        if (deleted) text.delete(at, deleted)
        if (inserted) text.insert(at, inserted)
      }
    })
  }
  return { updates, yjs: Y.encodeStateAsUpdate(doc), text: text.toString() }
}
