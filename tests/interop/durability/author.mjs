/** A writer that costs next to nothing: it appends marks to one shared list, writes its frames by hand, and times its acknowledgements. */
import { EventEmitter } from 'node:events'

import WebSocket from 'ws'
import * as Y from 'yjs'

import { Acknowledgements } from '../harness/acknowledgements.mjs'
import * as forge from '../harness/forge.mjs'
import { pack, raw } from '../harness/forge.mjs'
import * as wire from '../harness/wire.mjs'

/** The shared list that every author appends to. */
export const LIST = 'list'

/** The tag of a text among Yjs' values. */
const TEXT = 119

/** The mark that stands at an author's clock. */
const mark = (id, clock, weight) => `${id}:${clock}${weight ? `:${'x'.repeat(weight)}` : ''}`

/** The items of one author from a clock on, each after the one before it, as a Yjs update. */
const update = (id, from, marks) => {
  const structs = marks.slice(from).map((text, n) => {
    const clock = from + n
    return forge.item(forge.ANY, pack(1, raw(TEXT), text), clock > 0 ? { origin: [id, clock - 1] } : { parent: LIST })
  })
  return forge.update(structs.length > 0 ? [{ client: id, clock: from, structs }] : [])
}

const stateVector = (id, clock) => pack(1, id, clock)

/** What of an author a state vector shows. */
const clockOf = (id, bytes) => Y.decodeStateVector(bytes).get(id) ?? 0

/** One author of one document. Emits `change` on whatever it hears. */
export class Author extends EventEmitter {
  #marks = []
  #acks = new Acknowledgements()
  #socket = null

  /**
   * @param {object} server
   * @param {string} name the document
   * @param {{ id: number, token: string }} who its Yjs client id and its credential
   */
  constructor (server, name, { id, token }) {
    super()
    this.server = server
    this.name = name
    this.id = id
    this.token = token
    this.joined = false
    /** Milliseconds from the moment an edit was due to its acknowledgement. */
    this.latencies = []
  }

  /** Marks that the server has called durable. */
  get acknowledged () { return this.#acks.acknowledged }
  /** Whether everything up to now is. */
  get saved () { return this.joined && this.#acks.saved }
  get refused () { return this.#acks.refused }
  get written () { return this.#marks.length }
  describe () { return `author ${this.id} of ${this.name}: ${this.joined ? 'joined' : 'away'}, ${this.written} written, ${this.acknowledged.size} acknowledged, ${this.#acks.owed.length} owed, refused ${this.refused}` }

  /** Connects, or connects again; what was written meanwhile goes with the handshake. */
  join () {
    const socket = new WebSocket(this.server.hocuspocus, { perMessageDeflate: false })
    this.#socket = socket
    socket.on('open', () => {
      this.#acks.opened()
      this.#send(wire.auth(this.name, this.token))
      this.#sync(wire.STEP1, stateVector(this.id, this.#marks.length))
    })
    socket.on('message', (data) => { if (socket === this.#socket) this.#hear(new Uint8Array(data)) })
    socket.on('close', () => {
      if (socket !== this.#socket) return
      this.#acks.closed()
      this.joined = false
      this.emit('change')
    })
    // An end that follows says the same.
    socket.on('error', () => {})
  }

  /**
   * Appends a mark that was due at a moment of `performance.now()`.
   *
   * @param {number} [due]
   * @param {number} [weight] bytes of ballast
   */
  write (due = performance.now(), weight = 0) {
    const text = mark(this.id, this.#marks.length, weight)
    this.#acks.writing(text)
    this.#marks.push(text)
    if (this.joined) {
      this.#sync(wire.UPDATE, update(this.id, this.#marks.length - 1, this.#marks))
      this.#acks.owed.at(-1).due = due
    }
    this.#acks.wrote()
    return text
  }

  #send (frame) { this.#socket.send(frame) }

  #sync (subtype, bytes) {
    this.#acks.sent({ type: wire.SYNC, subtype })
    this.#send(wire.sync(this.name, subtype, bytes))
  }

  #hear (bytes) {
    const frame = wire.read(bytes, true)
    const due = frame.type === wire.SYNC_STATUS && frame.status === 1 ? this.#acks.owed[0]?.due : undefined
    this.#acks.received(frame)
    if (due !== undefined) this.latencies.push(performance.now() - due)
    if (frame.type === wire.SYNC && frame.subtype === wire.STEP1) {
      this.#sync(wire.STEP2, update(this.id, clockOf(this.id, frame.payload), this.#marks))
      this.joined = true
    }
    this.emit('change')
  }

  /** Leaves without a word. */
  destroy () {
    const socket = this.#socket
    this.#socket = null
    this.joined = false
    socket?.terminate()
  }
}
