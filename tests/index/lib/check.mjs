// One history against the index: what a fresh Yjs makes of each of our encodings, and of Yjs' own merge.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { random } from './random.mjs'
import { play } from './history.mjs'
import { below } from './slice.mjs'
import { fresh, hasPending, whole } from './view.mjs'

/** Checks history `seed`; gives sizes to print. */
export async function check (oracle, seed) {
  const formatting = seed % 4 !== 0
  const { log, docs, counts } = play(seed, { formatting })
  const r = random(seed + 1e6)
  const merged = Y.mergeUpdates(log)
  const sizes = { histories: 1, plain: formatting ? 0 : 1, updates: log.length, merge: merged.length, ours: 0, kept: 0, cleanups: 0, differences: 0, ...counts }
  const want = new Map([true, false].map(gc => [gc, whole(fresh([merged], gc))]))
  for (const gc of [true, false]) assert.equal(want.get(gc).pending, false)
  if (!formatting) for (const doc of docs) assert.deepEqual(comparable(whole(doc)), comparable(want.get(doc.gc)), 'as the clients have it')
  for (const collect of [true, false]) {
    await oracle.reset({ collect })
    const relayed = await admitInSteps(oracle, log, r, formatting ? want : null, sizes)
    const encoded = await oracle.encode()
    const gc = r.chance(0.5)
    for (const some of [gc, !gc]) assert.deepEqual(whole(fresh([encoded], some)), want.get(some), `whole encoding, collect ${collect}, gc ${some}`)
    assert.ok(encoded.length <= merged.length, `never larger than mergeUpdates: ${encoded.length} > ${merged.length}, collect ${collect}`)
    sizes[collect ? 'ours' : 'kept'] = encoded.length
    sizes.differences += await differencesFromAnywhere(oracle, merged, r, collect, want)
    const again = await loadedAgain(oracle, encoded, collect)
    assert.deepEqual(whole(fresh([again], gc)), want.get(gc), `loaded again, collect ${collect}`)
    // What is relayed brings a live client to the same as what was sent.
    const live = whole(fresh(relayed, gc))
    assert.deepEqual(live, whole(fresh(log, gc)), `relayed, collect ${collect}`)
    const regrouped = await oracle.merge(split(relayed, r, 4))
    assert.deepEqual(whole(fresh([regrouped], gc)), want.get(gc), `merge of what was relayed, collect ${collect}`)
    const snapshot = await compacted(oracle, relayed, r, collect)
    for (const some of [true, false]) assert.deepEqual(whole(fresh([snapshot], some)), want.get(some), `compacted snapshot, collect ${collect}, gc ${some}`)
    assert.ok(snapshot.length <= merged.length, `a snapshot is never larger than mergeUpdates: ${snapshot.length} > ${merged.length}, collect ${collect}`)
  }
  await inAnyOrder(oracle, log, r, want)
  const ours = await oracle.merge(log)
  assert.deepEqual(whole(fresh([ours], true)), want.get(true), 'merge')
  assert.ok(ours.length <= merged.length, `merge is never larger than mergeUpdates: ${ours.length} > ${merged.length}`)
  const groups = []
  for (const group of slices(log, 1 + r.below(40))) groups.push(await oracle.merge(group))
  assert.deepEqual(whole(fresh([await oracle.merge(groups)], true)), want.get(true), 'merge of merges')
  return sizes
}

/** An index that is loaded from an encoding may join more, since it knows at once what is deleted; the next not. */
export async function loadedAgain (oracle, encoded, collect) {
  const load = async update => {
    await oracle.reset({ collect })
    const [{ missing, refused }] = await oracle.admit([update])
    assert.deepEqual({ missing, refused }, { missing: '', refused: '' }, 'an encoding is taken whole')
    return oracle.encode()
  }
  const again = await load(encoded)
  assert.ok(again.length <= encoded.length, `${again.length} bytes when loaded again, ${encoded.length} before`)
  assert.deepEqual(await load(again), again)
  return again
}

/** Admits in steps; at each a laggard takes a difference, as does one who starts at a random state vector. */
async function admitInSteps (oracle, log, r, want, sizes) {
  const relayed = []
  const laggard = new Y.Doc()
  let other = new Y.Doc()
  let at = 0
  while (at < log.length) {
    const next = Math.min(log.length, at + 1 + r.below(120))
    const step = log.slice(at, next)
    for (const [n, answer] of (await oracle.admit(step)).entries()) {
      const { refusal, missing, refused } = answer
      assert.deepEqual({ refusal, missing, refused }, { refusal: '', missing: '', refused: '' }, `update ${at + n} is taken whole`)
      if (answer.taken) relayed.push(answer.taken)
      assert.equal(answer.taken !== null, answer.structs || answer.deletions)
    }
    at = next
    const seen = Y.mergeUpdates(log.slice(0, at))
    Y.applyUpdate(laggard, await oracle.difference(Y.encodeStateVector(laggard)))
    Y.applyUpdate(other, Y.diffUpdate(seen, Y.encodeStateVector(other)))
    if (!equal(whole(laggard), whole(other))) {
      const message = `difference after ${at} updates`
      assert.ok(want, message)
      assertOnlyMarksDiffer(laggard, other, seen, message)
      other = fresh([Y.encodeStateAsUpdate(laggard)])
      sizes.cleanups++
    }
    assert.equal(await oracle.holds(seen), true)
  }
  // Without formatting all ways lead to the same document.
  if (!want) assert.deepEqual(whole(laggard), whole(fresh([Y.mergeUpdates(log)])), 'differences end in the same document')
  return relayed
}

/**
 * With formatting, Yjs deletes marks that have no effect, and which it finds depends on what arrives together: its own
 * replicas differ by that. So content and clocks must be equal, and only marks may be deleted here and not there.
 */
function assertOnlyMarksDiffer (one, two, seen, message) {
  const [a, b] = [whole(one), whole(two)]
  assert.deepEqual({ ...a, deleteSet: '' }, { ...b, deleteSet: '' }, message)
  const kept = fresh([seen], false)
  const [deletedA, deletedB] = [a, b].map(view => deletedIds(view))
  for (const id of [...deletedA].filter(id => !deletedB.has(id)).concat([...deletedB].filter(id => !deletedA.has(id)))) {
    const [client, clock] = id.split(':').map(Number)
    assert.equal(Y.getItem(kept.store, Y.createID(client, clock)).content.constructor.name, 'ContentFormat', `${message}: ${id}`)
  }
}

const deletedIds = view => new Set(JSON.parse(view.deleteSet).flatMap(([client, ranges]) =>
  ranges.flatMap(([clock, length]) => Array.from({ length }, (_, n) => `${client}:${clock + n}`))))

const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b)

/**
 * Where a surrogate pair was cut, Yjs' own clients disagree now and then: who cuts a struct that another holds as
 * deleted puts U+FFFD where the other keeps the pair. There clocks and deletions are compared, not the text.
 */
const comparable = view => view.content.includes('\ufffd') ? { ...view, content: '' } : view

/**
 * From state vectors that cut structs at random: a fresh Yjs that holds what is below, as far as it can, and takes our
 * difference has the same as one that takes Yjs' own.
 */
async function differencesFromAnywhere (oracle, merged, r, collect, want) {
  const all = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(merged))
  const overlapping = []
  for (const chance of [1, 0.5]) {
    const cut = new Map([...all].map(([client, clock]) => [client, r.chance(chance) ? r.below(clock + 1) : r.pick([0, clock])]))
    const vector = Y.encodeStateVector(cut)
    const ours = await oracle.difference(vector)
    const theirs = Y.diffUpdate(merged, vector)
    const shown = `difference from ${JSON.stringify([...cut])}, collect ${collect}`
    assert.deepEqual(reach(ours), reach(theirs), shown)
    const before = below(merged, cut)
    const gc = r.chance(0.5)
    const [mine, its] = [ours, theirs].map(update => fresh([before, update], gc))
    assert.equal(hasPending(mine), false, shown)
    assert.deepEqual(whole(mine), whole(its), shown)
    overlapping.push(ours, before)
  }
  const gc = r.chance(0.5)
  const joined = whole(fresh([await oracle.merge(overlapping)], gc))
  // Where a pair of surrogates was cut, some of the copies hold U+FFFD.
  const seen = view => joined.content.includes('\ufffd') ? { ...view, content: '' } : view
  assert.deepEqual(seen(joined), seen(want.get(gc)), `merge of overlapping updates, collect ${collect}`)
  return 2
}

/** Where each client's structs start and end in an update. */
function reach (update) {
  const { from, to } = Y.parseUpdateMeta(update)
  return [from, to].map(clocks => [...clocks].sort((a, b) => a[0] - b[0]))
}

/** As the server stores: rows of merged updates, and every so many rows a snapshot of the last one and the rows since. */
async function compacted (oracle, updates, r, collect) {
  let snapshot = null
  for (const part of slices(updates, 20 + r.below(60))) {
    const rows = []
    for (const row of slices(part, 1 + r.below(8))) rows.push(await oracle.merge(row))
    await oracle.reset({ collect })
    for (const { missing, refused } of await oracle.admit(snapshot ? [snapshot, ...rows] : rows)) {
      assert.deepEqual({ missing, refused }, { missing: '', refused: '' }, 'a snapshot and its rows are taken whole')
    }
    snapshot = await oracle.encode()
  }
  return snapshot
}

/** Updates that Yjs merged with holes between them: never refused, and whole once all has come. */
async function inAnyOrder (oracle, log, r, want) {
  await oracle.reset()
  const some = log.filter(() => r.chance(0.3))
  const answers = await oracle.admit([Y.mergeUpdates([log[0], ...some]), ...log.slice(-20).reverse(), Y.mergeUpdates(log)])
  for (const { refusal, refused } of answers) assert.deepEqual({ refusal, refused }, { refusal: '', refused: '' }, 'what Yjs merged is accepted')
  assert.equal(answers.at(-1).missing, '')
  assert.equal(await oracle.holds(Y.mergeUpdates(log)), true)
  for (const gc of [true, false]) assert.deepEqual(whole(fresh([await oracle.encode()], gc)), want.get(gc), `in any order, gc ${gc}`)
}

const slices = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size))

/** The same updates in another order of arrival, of which each still is a whole update. */
function split (updates, r, groups) {
  const order = updates.map(update => [r.next(), update])
  return groups > 1 && r.chance(0.5) ? order.sort((a, b) => a[0] - b[0]).map(([, update]) => update) : updates
}
