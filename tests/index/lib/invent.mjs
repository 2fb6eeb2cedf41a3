// Invents updates that are sound as bytes and hostile in meaning, and spoils real ones byte by byte.
import * as encoding from 'lib0/encoding'

const HAS_ORIGIN = 128
const HAS_RIGHT = 64
const HAS_KEY = 32
const names = ['t', 'm', 'a', 'x', '', '__proto__']
const keys = ['k', 'c', '', '__proto__', 'constructor']
const anys = [null, undefined, true, false, 0, -7, 1.5, 2 ** 40, 12345678901n, 'w😀', new Uint8Array([1]), [], [1, [2]], {}, { a: { b: [1] } }]

/** Writes an update of some blocks, in which most references exist and some are odd. */
export function invent (r, state) {
  const encoder = encoding.createEncoder()
  const clients = [...new Set(Array.from({ length: 1 + r.below(3) }, () => 1 + r.below(4)))].sort((a, b) => r.chance(0.9) ? b - a : a - b)
  const next = new Map(state)
  encoding.writeVarUint(encoder, clients.length)
  const made = clients.map(client => {
    const known = state.get(client) ?? 0
    const start = r.chance(0.85) ? known : r.chance(0.8) ? Math.max(0, known - r.below(4)) : known + r.below(3)
    return { client, clock: start, start, structs: 1 + r.below(r.chance(0.2) ? 12 : 4) }
  })
  for (const block of made) writeBlock(r, encoder, block, next, made)
  writeDeletions(r, encoder, next)
  return encoding.toUint8Array(encoder)
}

function writeBlock (r, encoder, block, next, made) {
  encoding.writeVarUint(encoder, block.structs)
  encoding.writeVarUint(encoder, block.client)
  encoding.writeVarUint(encoder, block.start)
  for (let n = 0; n < block.structs; n++) {
    block.clock += writeStruct(r, encoder, block, next, made)
    if (block.clock > (next.get(block.client) ?? 0)) next.set(block.client, block.clock)
  }
}

function writeStruct (r, encoder, block, next, made) {
  if (r.chance(0.06)) return writeLength(r, encoder, 0)
  if (r.chance(0.01)) return writeLength(r, encoder, 10)
  const chained = block.clock > 0 && r.chance(0.3)
  const origin = chained ? { client: block.client, clock: block.clock - 1 } : r.chance(0.5) ? reference(r, block, next, made) : null
  const right = r.chance(0.35) ? reference(r, block, next, made) : null
  const keyed = r.chance(0.35)
  const kind = r.pick([1, 2, 3, 4, 4, 4, 5, 6, 6, 7, 7, 7, 8, 8, 9])
  encoding.writeUint8(encoder, kind | (origin ? HAS_ORIGIN : 0) | (right ? HAS_RIGHT : 0) | (keyed ? HAS_KEY : 0))
  for (const id of [origin, right]) if (id) writeId(encoder, id)
  if (!origin && !right) {
    if (r.chance(0.5)) {
      encoding.writeVarUint(encoder, 1)
      encoding.writeVarString(encoder, r.chance(0.95) ? r.pick(names.slice(0, 4)) : r.pick(names))
    } else {
      encoding.writeVarUint(encoder, r.chance(0.95) ? 0 : 2)
      writeId(encoder, reference(r, block, next, made))
    }
    if (keyed) encoding.writeVarString(encoder, r.chance(0.9) ? r.pick(keys.slice(0, 2)) : r.pick(keys))
  }
  return writeContent(r, encoder, kind)
}

function writeLength (r, encoder, info) {
  const length = 1 + r.below(4)
  encoding.writeUint8(encoder, info)
  encoding.writeVarUint(encoder, length)
  return length
}

/** An element that is there, most often; of the own client only what lies before, most often. */
function reference (r, block, next, made) {
  const client = r.chance(0.5) ? block.client : 1 + r.below(4)
  const clock = client === block.client ? block.clock : (next.get(client) ?? 0)
  if (r.chance(0.01)) return { client, clock: clock + r.below(3) }
  if (clock === 0) {
    // Perhaps something that comes in a later block of the same update: orders and cycles.
    const later = r.pick(made)
    if (later.client !== block.client && r.chance(0.5)) return { client: later.client, clock: later.start + r.below(2) }
    if (block.clock > 0) return { client: block.client, clock: r.below(block.clock) }
    const any = [...next].filter(([other, end]) => end > 0 && other !== block.client)
    if (any.length) { const [other, end] = r.pick(any); return { client: other, clock: r.below(end) } }
    return { client: 1 + r.below(4), clock: 0 }
  }
  return { client, clock: r.chance(0.6) ? Math.max(0, clock - 1 - r.below(4)) : r.below(clock) }
}

function writeId (encoder, id) {
  encoding.writeVarUint(encoder, id.client)
  encoding.writeVarUint(encoder, id.clock)
}

function writeContent (r, encoder, kind) {
  const many = 1 + r.below(3)
  switch (kind) {
    case 1: encoding.writeVarUint(encoder, many); return many
    case 2:
      encoding.writeVarUint(encoder, many)
      for (let n = 0; n < many; n++) encoding.writeVarString(encoder, r.pick(['undefined', '1', '"😀"', '{"a":[null]}', 'null']))
      return many
    case 3: encoding.writeVarUint8Array(encoder, new Uint8Array(r.below(3))); return 1
    case 4: {
      const text = r.pick(['a', 'bc', '😀', 'x😀y', 'déf', '\u0000', 'lorem'])
      encoding.writeVarString(encoder, text)
      return text.length
    }
    case 5: encoding.writeVarString(encoder, r.pick(['{}', 'null', '1', '"e"', '[]'])); return 1
    case 6:
      encoding.writeVarString(encoder, r.pick(['bold', 'color', '', '__proto__', 'ychange']))
      encoding.writeVarString(encoder, r.pick(['true', 'null', '"red"', '{"__proto__":null}', '1']))
      return 1
    case 7: {
      const type = r.below(7)
      encoding.writeVarUint(encoder, type)
      if (type === 3 || type === 5) encoding.writeVarString(encoder, r.pick(['p', '', '__proto__']))
      return 1
    }
    case 8:
      encoding.writeVarUint(encoder, many)
      for (let n = 0; n < many; n++) writeAny(r, encoder)
      return many
    case 9:
      encoding.writeVarString(encoder, r.pick(['guid', '']))
      writeOptions(r, encoder)
      return 1
  }
}

function writeAny (r, encoder) {
  if (r.chance(0.03)) return writeObject(encoder, [['__proto__', r.pick(anys)]])
  encoding.writeAny(encoder, r.pick(anys))
}

function writeOptions (r, encoder) {
  if (r.chance(0.05)) return encoding.writeAny(encoder, r.pick(anys))
  const keys = ['gc', 'autoLoad', 'meta', 'shouldLoad', 'collectionid', 'gcFilter', 'guid', '__proto__', 'x']
  writeObject(encoder, Array.from({ length: r.below(3) }, () => [r.chance(0.8) ? keys[r.below(3)] : r.pick(keys), r.pick(anys)]))
}

function writeObject (encoder, members) {
  encoding.writeUint8(encoder, 118)
  encoding.writeVarUint(encoder, members.length)
  for (const [key, value] of members) {
    encoding.writeVarString(encoder, key)
    encoding.writeAny(encoder, value)
  }
}

function writeDeletions (r, encoder, next) {
  const clients = [...next].filter(() => r.chance(0.4)).sort((a, b) => b[0] - a[0])
  encoding.writeVarUint(encoder, clients.length)
  for (const [client, end] of clients) {
    const count = 1 + r.below(3)
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, count)
    for (let n = 0; n < count; n++) {
      const clock = r.below(Math.max(1, end))
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarUint(encoder, r.chance(0.005) ? 0 : Math.max(1, Math.min(1 + r.below(6), r.chance(0.99) ? end - clock : 99)))
    }
  }
}

/** Changes some bytes: flips, odd values, cuts, repeats. */
export function spoil (r, update) {
  let bytes = [...update]
  for (let n = 1 + r.below(3); n > 0; n--) {
    const at = r.below(bytes.length)
    switch (r.below(6)) {
      case 0: bytes[at] ^= 1 << r.below(8); break
      case 1: bytes[at] = r.below(256); break
      case 2: bytes[at] = r.pick([0, 1, 2, 10, 11, 127, 128, 255]); break
      case 3: bytes.splice(at, 1); break
      case 4: bytes.splice(at, 0, r.below(256)); break
      case 5: bytes = r.chance(0.3) ? bytes.slice(0, Math.max(1, at)) : bytes.map((byte, n) => n === at ? (byte + 1) & 255 : byte); break
    }
    if (bytes.length === 0) bytes = [0]
  }
  return Uint8Array.from(bytes)
}
