// Takes updates apart by Yjs' own reader, and writes parts by its own writer.
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'

/** The parts of an update: blocks [{ client, clock, structs }] and deletions [client, [[clock, length]]]. */
export function parts (update) {
  const { structs, ds } = Y.decodeUpdate(update)
  const blocks = new Map()
  for (const struct of structs) {
    const { client, clock } = struct.id
    if (!blocks.has(client)) blocks.set(client, { client, clock, structs: [] })
    blocks.get(client).structs.push(struct)
  }
  return { blocks: [...blocks.values()], deletions: [...ds.clients].map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, len])]) }
}

/** Writes an update of parts. */
export function write (blocks, deletions = []) {
  const encoder = new Y.UpdateEncoderV1()
  const uint = number => encoding.writeVarUint(encoder.restEncoder, number)
  blocks = blocks.filter(({ structs }) => structs.length)
  uint(blocks.length)
  for (const { client, clock, structs } of blocks) {
    uint(structs.length)
    uint(client)
    uint(clock)
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

/** The part of an update that somebody has who is at a state vector: what Yjs' diffUpdate leaves out, without deletions. */
export function below (update, clocks) {
  const { blocks } = parts(update)
  for (const block of blocks) {
    const end = clocks.get(block.client) ?? 0
    block.structs = block.structs.filter(struct => struct.id.clock < end)
    const last = block.structs.at(-1)
    if (!last || last.id.clock + last.length <= end) continue
    if (last instanceof Y.Item) last.content.splice(end - last.id.clock)
    last.length = end - last.id.clock
  }
  return write(blocks)
}
