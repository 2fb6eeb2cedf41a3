/**
 * Counts honestly what the server owes and has acknowledged for one document of one Hocuspocus provider.
 *
 * The provider's own counter says "saved" too early after a reconnect, since acknowledgements carry no ids. This one
 * follows the frames on the socket: a first-in-first-out queue of what was sent and gets a status.
 */
import { STEP1, STEP2, SYNC, SYNC_STATUS, UPDATE } from './wire.mjs'

/** What one client is owed. */
export class Acknowledgements {
  /** Marks whose edit the server has called durable. */
  acknowledged = new Set()
  /** How many SyncStatus 1 and 0 came. */
  granted = 0
  refused = 0
  /** Frames that still wait for their status, oldest first. */
  owed = []
  #written = []
  #unsent = null
  #handshake = true
  #awaiting = false
  #answering = false
  #confirmed = false
  #refusedNow = false
  /** A forceSync begins the count anew; what was on its way by then cannot be told from what comes after. */
  #recounted = false

  /** True when everything up to now is known to be durable. */
  get saved () { return this.#confirmed && !this.#refusedNow && this.owed.length === 0 }

  /** Remembers that the edit under way carries this mark. */
  writing (mark) {
    this.#written.push(mark)
    this.#unsent = mark
  }

  /** The edit is made: whatever was not sent by now travels in the next handshake. */
  wrote () { this.#unsent = null }

  opened () {
    this.owed = []
    this.#confirmed = false
    this.#refusedNow = false
    this.#recounted = false
    this.#handshake = true
    this.#awaiting = true
    this.#answering = false
  }

  closed () {
    this.owed = []
    this.#confirmed = false
  }

  sent (frame) {
    if (frame.type !== SYNC) return
    if (frame.subtype === STEP1) {
      this.#recounted ||= !this.#handshake
      this.#handshake = false
      this.owed = []
      this.#confirmed = false
      this.#awaiting = true
    } else if (frame.subtype === UPDATE) {
      this.owed.push({ kind: UPDATE, marks: this.#unsent === null ? [] : [this.#unsent] })
      this.#unsent = null
    } else if (frame.subtype === STEP2 && this.#answering) {
      this.#answering = false
      this.owed.push({ kind: STEP2, marks: this.#written.slice() })
    }
  }

  received (frame) {
    if (frame.type === SYNC && frame.subtype === STEP1 && this.#awaiting) {
      this.#awaiting = false
      this.#answering = true
    }
    if (frame.type !== SYNC_STATUS) return
    const what = this.owed.shift()
    if (frame.status === 0) {
      this.refused += 1
      this.#refusedNow = true
      return
    }
    this.granted += 1
    if (what === undefined) {
      if (this.#recounted) return
      throw new Error('an acknowledgement came that nothing was owed for')
    }
    if (what.kind === STEP2) this.#confirmed = true
    for (const mark of what.marks) this.acknowledged.add(mark)
  }
}
