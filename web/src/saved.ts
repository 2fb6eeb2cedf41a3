/**
 * Decides whether everything written here is stored by the server.
 *
 * The provider has a counter of its own, but it says "saved" too early: it is set to one at every opening,
 * however much is outstanding. This ledger follows the frames instead, as the server's gate does:
 *
 * - every update is answered by one status, in order;
 * - the answer to the server's question is acknowledged only when that question is itself the reply to a
 *   question of ours (the handshake's). A question that the server asks later gets our answer and no status.
 *
 * Time is an argument, so that the rules can be tested without waiting.
 */

/** What the server still has to confirm. */
interface Owed {
  readonly kind: 'answer' | 'update'
  /** When it was sent, in milliseconds. */
  readonly at: number
}

export class Ledger {
  #owed: Owed[] = []
  /** The server has stored our answer to its handshake question, so it holds all that we had then. */
  #confirmed = false
  #refused = false
  /** Our question is out, and the server's own has not come back yet. */
  #awaiting = false
  /** Updates that left before our question: what their statuses mean is no longer of interest. */
  #strays = 0
  #asked = false
  #since = 0

  /** A new connection: the handshake carries everything, whatever was owed before. */
  opened(now: number): void {
    this.#owed = []
    this.#confirmed = this.#refused = this.#awaiting = this.#asked = false
    this.#strays = 0
    this.#since = now
  }

  /** We asked the server what it has. Its own question follows, and our answer to that one counts. */
  sentQuestion(now: number): void {
    this.#strays += this.#owed.length
    this.#owed = []
    this.#confirmed = this.#refused = false
    this.#awaiting = this.#asked = true
    this.#since = now
  }

  /** An edit left this page. */
  sentUpdate(now: number): void {
    // Before our question it is a stray: the answer to the server's question holds it as well.
    if (this.#asked) this.#owed.push({ kind: 'update', at: now })
    else this.#strays += 1
  }

  /** The server asks what we have; the provider answers at once. */
  receivedQuestion(now: number): void {
    if (!this.#awaiting) return
    this.#awaiting = false
    this.#strays = 0
    this.#owed.push({ kind: 'answer', at: now })
  }

  /** The server stored the oldest thing that it owes us, or finally refused it. */
  receivedStatus(stored: boolean): void {
    if (this.#awaiting && this.#strays > 0) {
      this.#strays -= 1
      return
    }
    const settled = this.#owed.shift()
    if (!stored) this.#refused = true
    else if (settled?.kind === 'answer') this.#confirmed = true
  }

  /** The connection ended. Nothing that was owed will be answered. */
  closed(now: number): void {
    this.opened(now)
  }

  /** Whether the server has stored all that was written here. */
  get saved(): boolean {
    return this.#confirmed && !this.#refused && this.#owed.length === 0
  }

  /** Whether the server refused something on this connection. */
  get refused(): boolean {
    return this.#refused
  }

  /** For how long, in milliseconds, the oldest outstanding thing has waited; 0 when all is saved. */
  waitedMs(now: number): number {
    if (this.saved) return 0
    return now - (this.#owed[0]?.at ?? this.#since)
  }
}
