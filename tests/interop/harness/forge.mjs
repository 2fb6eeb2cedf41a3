/** Updates in Yjs' format v1 that no Yjs writes: structs by hand, lengths that lie, numbers out of range. */
/** Content references, as Yjs numbers them. */
export const GC = 0
export const DELETED = 1
export const JSON_ = 2
export const BINARY = 3
export const STRING = 4
export const EMBED = 5
export const FORMAT = 6
export const TYPE = 7
export const ANY = 8
export const DOCUMENT = 9
export const SKIP = 10

let paper = Buffer.alloc(1 << 16)
let at = 0

const room = (length) => {
  if (at + length <= paper.length) return
  const larger = Buffer.alloc(Math.max(2 * paper.length, at + length))
  paper.copy(larger)
  paper = larger
}

const number = (value) => {
  room(9)
  while (value > 0x7f) {
    paper[at++] = 0x80 | value % 0x80
    value = Math.floor(value / 0x80)
  }
  paper[at++] = value
}

const copy = (bytes) => {
  room(bytes.length)
  paper.set(bytes, at)
  at += bytes.length
}

const letters = (text) => {
  const length = Buffer.byteLength(text)
  number(length)
  room(length)
  at += paper.write(text, at)
}

/** What `write` puts on the paper; may be called while it writes. */
const bytes = (write) => {
  const start = at
  write()
  const written = new Uint8Array(paper.subarray(start, at))
  at = start
  return written
}

const put = (part) => {
  if (typeof part === 'number') number(part)
  else if (typeof part === 'string') letters(part)
  else if (Array.isArray(part)) for (const one of part) put(one)
  else copy(part)
}

/** Several pieces in a row: bytes as they are, numbers as varUint, text as varString, lists as their pieces. */
export const pack = (...parts) => bytes(() => put(parts))

/** Bytes as they are. */
export const raw = (...values) => new Uint8Array(values)

/**
 * One item.
 *
 * @param {number} ref its content reference
 * @param {Uint8Array} content
 * @param {{ origin?: [number, number], right?: [number, number], parent?: string | [number, number], key?: string }} [where]
 */
export const item = (ref, content, { origin, right, parent = 'text', key } = {}) => bytes(() => {
  put(raw(ref | (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (key === undefined ? 0 : 0x20)))
  for (const id of [origin, right]) if (id) put(id)
  if (!origin && !right) {
    put(typeof parent === 'string' ? 1 : 0)
    put(parent)
    if (key !== undefined) put(key)
  }
  copy(content)
})

/** Text in an item. */
export const text = (letters, where) => item(STRING, pack(letters), where)

/** So many collected elements, or so many that are skipped. */
export const gone = (length) => pack(raw(GC), length)
export const skip = (length) => pack(raw(SKIP), length)

/**
 * A whole update.
 *
 * @param {Array<{ client: number, clock?: number, structs: Uint8Array[], count?: number }>} blocks `count` may lie
 * @param {Array<[number, Array<[number, number]>]>} [deletions] per client its ranges `[clock, length]`
 */
export const update = (blocks, deletions = []) => bytes(() => {
  number(blocks.length)
  for (const { client, clock = 0, structs, count = structs.length } of blocks) put([count, client, clock, structs])
  number(deletions.length)
  for (const [client, ranges] of deletions) put([client, ranges.length, ranges])
})

/** An update of one struct of client 1. */
export const one = (struct) => update([{ client: 1, structs: [struct] }])

/** A thing `depth` levels deep: `open` so often, then `core`, then `close` so often. */
export const nested = (depth, open, core, close = raw()) => {
  const [head, tail] = [Buffer.concat(Array(depth).fill(open)), Buffer.concat(Array(depth).fill(close))]
  return Buffer.concat([head, core, tail])
}
