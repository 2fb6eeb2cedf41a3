// The part of an update that somebody has who is at a state vector: what Yjs' diffUpdate leaves out.
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'

/** The structs of `update` below `clocks`, cut where they must be, and no deletions. */
export function below (update, clocks) {
  const blocks = new Map()
  for (const struct of Y.decodeUpdate(update).structs) {
    const { client, clock } = struct.id
    const length = Math.min(struct.length, (clocks.get(client) ?? 0) - clock)
    if (length <= 0) continue
    if (length < struct.length) {
      if (struct instanceof Y.Item) struct.content.splice(length)
      struct.length = length
    }
    if (!blocks.has(client)) blocks.set(client, [])
    blocks.get(client).push(struct)
  }
  return write(blocks)
}

/** Writes blocks of structs, [client, structs] each, and deletions, [client, [[clock, length]]] each. */
export function write (blocks, deletions = []) {
  const encoder = new Y.UpdateEncoderV1()
  const uint = number => encoding.writeVarUint(encoder.restEncoder, number)
  blocks = [...blocks].filter(([, structs]) => structs.length)
  uint(blocks.length)
  for (const [client, structs] of blocks) {
    uint(structs.length)
    uint(client)
    uint(structs[0].id.clock)
    for (const struct of structs) struct.write(encoder, 0)
  }
  uint(deletions.length)
  for (const [client, ranges] of deletions) {
    uint(client)
    uint(ranges.length)
    for (const [clock, length] of ranges) { uint(clock); uint(length) }
  }
  return encoder.toUint8Array()
}
