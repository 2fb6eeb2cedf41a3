// The twin of the histories: what the index accepts of hostile updates, every Yjs must bear.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { alter } from './alter.mjs'
import { invent } from './invent.mjs'
import { play } from './history.mjs'
import { random } from './random.mjs'
import { loadedAgain } from './check.mjs'
import { hasPending, roots } from './view.mjs'

/** A Yjs as an application holds one: its types named, its events listened to, its updates written. */
export function application ({ gc = true, named = true } = {}) {
  const doc = new Y.Doc({ gc })
  if (named) for (const [name, get] of Object.entries(roots)) doc[get](name).observeDeep(() => {})
  doc.on('update', () => {})
  doc.on('subdocs', () => {})
  return doc
}

/** Applies an update; gives what goes wrong. */
export function apply (doc, update) {
  const { error, warn } = console
  console.error = console.warn = () => {}
  try {
    Y.applyUpdate(doc, update)
    return hasPending(doc) ? 'pending structs' : null
  } catch (thrown) {
    return `throws ${thrown.message}`
  } finally {
    Object.assign(console, { error, warn })
  }
}

const isClean = (base, update) => apply(application(), update) === null && apply(base(), update) === null

/** Refusals that hold although a Yjs that applies the update alone sees nothing: each stands in Admission's list. */
export const listed = new Set(['info-bits', 'document-options', 'zero-length', 'repeated-client', 'forward-reference', 'nesting', 'integer', 'clock', 'prototype', 'depth'])

/** One hostile session against one index: `count` updates, one after another. */
export async function session (oracle, seed, count, tally) {
  const r = random(seed)
  const collect = r.chance(0.5)
  await oracle.reset({ collect })
  const live = [application({ gc: true }), application({ gc: false }), application({ named: false })]
  const source = r.chance(0.5) ? play(seed, { steps: 40 }).log : []
  const taken = []
  let real = 0
  for (let n = 0; n < count; n++) {
    const state = Y.decodeStateVector(await oracle.stateVector())
    const mine = r.chance(source.length ? 0.5 : 1)
    const sound = mine ? invent(r, state) : source[real % source.length]
    const altered = r.chance(mine ? 0.2 : 0.5)
    // What was altered comes as it was too, most often, or soon all that follows would be missing something.
    if (!mine && (!altered || r.chance(0.2))) real++
    const { how, update } = altered ? alter(r, sound, mine ? invent(r, state) : r.pick(source), state) : { how: mine ? 'invented' : 'real', update: sound }
    const [answer] = await oracle.admit([update])
    count_(tally, answer, how)
    if (answer.refusal || answer.refused) mustBeListed(answer, update, taken, tally)
    else if (answer.missing) mustBePending(answer, update, taken)
    if (!answer.taken) continue
    taken.push(answer.taken)
    for (const [which, doc] of live.entries()) {
      const wrong = apply(doc, answer.taken)
      if (wrong) throw new Error(`live Yjs ${which} ${wrong}: seed ${seed}, update ${n} ${hex(update)} taken as ${hex(answer.taken)} after ${taken.slice(0, -1).map(hex).join(' ')}`)
    }
  }
  const encoded = await oracle.encode()
  for (const gc of [true, false]) {
    const doc = application({ gc })
    const wrong = apply(doc, encoded)
    if (wrong) throw new Error(`fresh Yjs, gc ${gc}, ${wrong}: seed ${seed}, ${hex(encoded)}`)
    Y.encodeStateAsUpdate(doc)
    assert.deepEqual(new Map(Y.decodeStateVector(Y.encodeStateVector(doc))), new Map(Y.decodeStateVector(await oracle.stateVector())))
  }
  const again = await loadedAgain(oracle, encoded, collect)
  // Only that it is borne is asked here: of forged right origins Yjs makes what the order of arrival makes of them.
  const odd = apply(application(), again)
  if (odd) throw new Error(`loaded again, a fresh Yjs ${odd}: seed ${seed}, ${hex(again)}`)
  const merged = await oracle.merge(taken.length ? taken : [new Uint8Array([0, 0])])
  const wrong = apply(application(), merged)
  if (wrong) throw new Error(`fresh Yjs fed by the merge ${wrong}: seed ${seed}, ${hex(merged)}`)
  // Deleting all is what an application may do next, and it walks over everything.
  for (const doc of live) clear(doc, seed)
}

function clear (doc, seed) {
  try {
    doc.transact(() => {
      for (const type of doc.share.values()) {
        for (let item = type._start; item !== null; item = item.right) item.delete(doc._transaction)
        type._map.forEach(item => item.delete(doc._transaction))
      }
    })
    Y.encodeStateAsUpdate(doc)
  } catch (thrown) {
    throw new Error(`deleting all throws ${thrown.message}: seed ${seed}`)
  }
}

function mustBeListed (answer, update, taken, tally) {
  const base = () => after(taken)
  const reason = answer.refusal || answer.cause
  if (!isClean(base, update)) return
  tally.clean[reason] = (tally.clean[reason] ?? 0) + 1
  if (!listed.has(reason)) throw new Error(`refused as ${reason}, which Yjs applies cleanly: ${hex(update)} after ${taken.map(hex).join(' ')}`)
}

/** What the index asks for, a Yjs that has what the index took waits for. */
function mustBePending (answer, update, taken) {
  if (apply(after(taken), update) !== null) return
  throw new Error(`${answer.missing} is said to be missing, which Yjs does not miss: ${hex(update)} after ${taken.map(hex).join(' ')}`)
}

function after (taken) {
  const doc = application()
  for (const each of taken) Y.applyUpdate(doc, each)
  return doc
}

function count_ (tally, answer, how) {
  const what = answer.refusal ? 'refused' : answer.taken ? 'taken' : answer.missing ? 'missing' : 'nothing new'
  tally[what] = (tally[what] ?? 0) + 1
  const ways = tally.ways[how] ??= {}
  ways[what] = (ways[what] ?? 0) + 1
  if (answer.refusal) tally.reasons[answer.refusal] = (tally.reasons[answer.refusal] ?? 0) + 1
  if (answer.cause) tally.reasons[answer.cause] = (tally.reasons[answer.cause] ?? 0) + 1
}

export const tallies = () => ({ reasons: {}, clean: {}, ways: {} })

export const hex = bytes => Buffer.from(bytes).toString('hex')
