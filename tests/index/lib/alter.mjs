// Alters sound updates where it hurts: clocks, lengths, client ids, parents, origins, order; and cuts and joins them.
import * as Y from 'yjs'
import { spoil } from './invent.mjs'
import { parts, write } from './slice.mjs'

/** What is changed in the parts of an update: blocks [{ client, clock, structs }] and deletions [client, [[clock, length]]]. */
const inParts = {
  client (r, { blocks, deletions }, state) {
    const to = r.chance(0.7) && state.size ? r.pick([...state.keys()]) : r.pick([0, 1, 5, 2 ** 32 + r.below(9), 2 ** 53 - 1])
    if (blocks.length && r.chance(0.7)) r.pick(blocks).client = to
    else if (deletions.length) r.pick(deletions)[0] = to
  },
  clock (r, { blocks, deletions }) {
    if (blocks.length && r.chance(0.7)) { const block = r.pick(blocks); block.clock = Math.max(0, block.clock + near(r)) } else {
      const range = anyRange(r, deletions)
      if (range) range[0] = Math.max(0, range[0] + near(r))
    }
  },
  length (r, { blocks, deletions }) {
    const counted = structsOf(blocks).filter(struct => !(struct instanceof Y.Item) || struct.content instanceof Y.ContentDeleted)
    const length = before => r.chance(0.1) ? 0 : Math.max(0, r.chance(0.9) ? before + near(r) : r.pick([99, 2 ** 32, 2 ** 53 - 1]))
    if (counted.length && r.chance(0.5)) {
      const struct = r.pick(counted)
      if (struct instanceof Y.Item) struct.content.len = length(struct.content.len)
      else struct.length = length(struct.length)
    } else {
      const range = anyRange(r, deletions)
      if (range) range[1] = length(range[1])
    }
  },
  parent (r, { blocks }, state) {
    const item = anyItem(r, blocks)
    if (!item) return
    item.origin = item.rightOrigin = null
    item.parent = r.chance(0.7) ? anyId(r, state, item.id) : r.pick(['t', 'm', 'a', 'x', '', '__proto__'])
  },
  origin (r, { blocks }, state) {
    const item = anyItem(r, blocks)
    if (item) item.origin = r.chance(0.2) ? null : anyId(r, state, item.id)
    if (item && !item.origin && !item.rightOrigin && !item.parent) item.parent = 't'
  },
  right (r, { blocks }, state) {
    const item = anyItem(r, blocks)
    if (item) item.rightOrigin = r.chance(0.2) ? null : anyId(r, state, item.id)
    if (item && !item.origin && !item.rightOrigin && !item.parent) item.parent = 't'
  },
  key (r, { blocks }) {
    const item = anyItem(r, blocks)
    if (item) item.parentSub = item.parentSub === null ? r.pick(['k0', 's', 'c', '__proto__']) : r.chance(0.5) ? null : 'k1'
  },
  order (r, { blocks }) {
    if (!blocks.length) return
    const { structs } = r.pick(blocks)
    const [one, two] = [r.below(structs.length), r.below(structs.length)]
    ;[structs[one], structs[two]] = [structs[two], structs[one]]
    if (r.chance(0.3)) blocks.reverse()
  },
  dropped (r, { blocks, deletions }) {
    if (blocks.length && r.chance(0.7)) { const { structs } = r.pick(blocks); structs.splice(r.below(structs.length), 1) } else deletions.splice(r.below(deletions.length), 1)
  },
  repeated (r, { blocks }) {
    if (!blocks.length) return
    const block = r.pick(blocks)
    if (r.chance(0.3)) blocks.push({ ...block, structs: [...block.structs] })
    else block.structs.splice(r.below(block.structs.length), 0, r.pick(block.structs))
  },
  content (r, { blocks }) {
    const [one, two] = [anyItem(r, blocks), anyItem(r, blocks)]
    if (one) [one.content, two.content] = [two.content, one.content]
  },
  skipped (r, { blocks }) {
    if (!blocks.length) return
    const { client, clock, structs } = r.pick(blocks)
    structs.splice(r.below(structs.length + 1), 0, new Y.Skip(Y.createID(client, clock), 1 + r.below(3)))
  },
  joined (r, { blocks, deletions }, state, other) {
    blocks.push(...other.blocks)
    deletions.push(...other.deletions)
    if (r.chance(0.7)) blocks.sort((a, b) => b.client - a.client)
  }
}

/** What is changed in the bytes of an update. */
const inBytes = {
  bytes: (r, update) => spoil(r, update),
  bits (r, update) {
    const bytes = Uint8Array.from(update)
    for (let n = 1 + r.below(4); n > 0; n--) bytes[r.below(bytes.length)] ^= 1 << r.below(8)
    return bytes
  },
  truncated: (r, update) => update.slice(0, r.below(update.length)),
  spliced (r, update, other) {
    const [at, from] = [r.below(update.length + 1), r.below(other.length + 1)]
    return Uint8Array.from([...update.slice(0, at), ...other.slice(r.chance(0.5) ? Math.min(at, other.length) : from)])
  }
}

const names = [...Object.keys(inBytes), ...Object.keys(inParts)]

/** Alters `update`, of which `other` is a neighbour; gives { update, how }. */
export function alter (r, update, other, state) {
  const how = r.pick(names)
  if (inBytes[how]) return { how, update: inBytes[how](r, update, other) }
  // What cannot be taken apart is spoiled.
  const [mine, its] = [update, other].map(taken)
  if (!mine || !its) return { how: 'bytes', update: spoil(r, update) }
  for (let n = r.chance(0.7) ? 1 : 1 + r.below(3); n > 0; n--) inParts[how](r, mine, state, its)
  try {
    return { how, update: write(mine.blocks, mine.deletions) }
  } catch {
    return { how: 'bytes', update: spoil(r, update) }
  }
}

function taken (update) {
  try { return parts(update) } catch { return null }
}

const near = r => r.pick([-3, -2, -1, 1, 2, 3])
const structsOf = blocks => blocks.flatMap(block => block.structs)
const pickOr = (r, list) => list.length ? r.pick(list) : null
const anyItem = (r, blocks) => pickOr(r, structsOf(blocks).filter(struct => struct instanceof Y.Item))
const anyRange = (r, deletions) => pickOr(r, deletions.flatMap(([, ranges]) => ranges))

/** An element that is there, or lies about where `id` does, or nowhere. */
function anyId (r, state, id) {
  if (r.chance(0.3)) return Y.createID(id.client, Math.max(0, id.clock + near(r)))
  const known = [...state].filter(([, clock]) => clock > 0)
  if (!known.length || r.chance(0.05)) return Y.createID(r.below(9), r.below(9))
  const [client, clock] = r.pick(known)
  return Y.createID(client, r.chance(0.95) ? r.below(clock) : clock + r.below(3))
}
