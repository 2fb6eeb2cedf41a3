/** The frames of both Yjs protocols, written and read as data. */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

/** Outer message types; the first four are shared by both protocols. */
export const SYNC = 0
export const AWARENESS = 1
export const AUTH = 2
export const QUERY_AWARENESS = 3
export const STATELESS = 5
export const CLOSE = 7
export const SYNC_STATUS = 8
export const PING = 9
export const PONG = 10

/** Sync sub-types. */
export const STEP1 = 0
export const STEP2 = 1
export const UPDATE = 2

/** Auth sub-types. */
export const TOKEN = 0
export const DENIED = 1
export const AUTHENTICATED = 2

const write = (steps) => {
  const encoder = encoding.createEncoder()
  steps(encoder)
  return encoding.toUint8Array(encoder)
}

const keyed = (key, encoder) => { if (key !== null) encoding.writeVarString(encoder, key) }

/** A sync message; `key` is the document of Hocuspocus, or null for y-websocket. */
export const sync = (key, subtype, bytes) => write((encoder) => {
  keyed(key, encoder)
  encoding.writeVarUint(encoder, SYNC)
  encoding.writeVarUint(encoder, subtype)
  encoding.writeVarUint8Array(encoder, bytes)
})

/** An awareness message of `entries`: `[clientId, clock, state]`. */
export const awareness = (key, entries) => write((encoder) => {
  keyed(key, encoder)
  encoding.writeVarUint(encoder, AWARENESS)
  encoding.writeVarUint8Array(encoder, write((inner) => {
    encoding.writeVarUint(inner, entries.length)
    for (const [client, clock, state] of entries) {
      encoding.writeVarUint(inner, client)
      encoding.writeVarUint(inner, clock)
      encoding.writeVarString(inner, JSON.stringify(state))
    }
  }))
})

/** Hocuspocus' first message for a document. */
export const auth = (key, token) => write((encoder) => {
  keyed(key, encoder)
  encoding.writeVarUint(encoder, AUTH)
  encoding.writeVarUint(encoder, TOKEN)
  encoding.writeVarString(encoder, token)
  encoding.writeVarString(encoder, '4.8.0')
})

/** A message whose body is text: stateless, close. */
export const textual = (key, type, text) => write((encoder) => {
  keyed(key, encoder)
  encoding.writeVarUint(encoder, type)
  if (text !== null) encoding.writeVarString(encoder, text)
})

/**
 * Reads one frame, of either protocol, far enough to tell what it is.
 *
 * @param {Uint8Array} bytes
 * @param {boolean} named whether frames carry a document key
 */
export const read = (bytes, named) => {
  if (named && bytes.length === 1) return { key: null, type: bytes[0] }
  const decoder = decoding.createDecoder(bytes)
  const key = named ? decoding.readVarString(decoder) : null
  const type = decoding.readVarUint(decoder)
  const frame = { key, type, bytes: bytes.length }
  if (type === SYNC) {
    frame.subtype = decoding.readVarUint(decoder)
    frame.payload = decoding.readVarUint8Array(decoder)
  } else if (type === AUTH) {
    frame.subtype = decoding.readVarUint(decoder)
    if (decoding.hasContent(decoder)) frame.text = decoding.readVarString(decoder)
  } else if (type === AWARENESS) {
    const inner = decoding.createDecoder(decoding.readVarUint8Array(decoder))
    const count = decoding.readVarUint(inner)
    frame.entries = Array.from({ length: count }, () => [
      decoding.readVarUint(inner), decoding.readVarUint(inner), JSON.parse(decoding.readVarString(inner))
    ])
  } else if (type === SYNC_STATUS) {
    frame.status = decoding.readVarInt(decoder)
  } else if (type === STATELESS || type === CLOSE) {
    frame.text = decoding.hasContent(decoder) ? decoding.readVarString(decoder) : ''
  }
  return frame
}

/** An update in which so many authors have written one entry each of the map `authors`. */
export const manyAuthors = (count) => write((encoder) => {
  encoding.writeVarUint(encoder, count)
  // The highest id comes first.
  for (let n = count - 1; n >= 0; n -= 1) {
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarUint(encoder, 4_000_000_000 + n)
    encoding.writeVarUint(encoder, 0)
    // Any, in a map's entry, without origins: the parent is a root type.
    encoding.writeUint8(encoder, 8 | 0x20)
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarString(encoder, 'authors')
    encoding.writeVarString(encoder, `${n}`)
    encoding.writeVarUint(encoder, 1)
    encoding.writeAny(encoder, n)
  }
  encoding.writeVarUint(encoder, 0)
})
