/** Authors who write at a steady rate, whatever the server does, and what became of what they were told. */
import { coldLoad } from '../harness/converge.mjs'
import { fresh } from '../harness/suite.mjs'
import { token } from '../harness/tokens.mjs'
import { until } from '../harness/until.mjs'
import { Author, LIST } from './author.mjs'

/** How often the crew looks whose turn it is, in milliseconds. */
const BEAT_MS = 5

/** Twenty authors over four documents. */
export const WRITERS = 20
const DOCUMENTS = 4

/** After so many rounds the documents are new ones: loading them must not become what is measured. */
const ROUNDS_A_DOCUMENT = 5

/** Compaction comes often enough to be under way when something ends. */
export const COMPACTING = { TANDEM__LIMITS__COMPACT_ROWS: '8', TANDEM__LIMITS__COMPACT_BYTES: '1024', TANDEM__STORE__TAIL_ROWS: '50' }

/** The crews of one run: their documents live for some rounds, and whatever was ever acknowledged is looked for again. */
export class Crews {
  #rounds = 0
  #people = 0
  #documents = new Map()

  constructor (perSecond) { this.perSecond = perSecond }

  /** Twenty new authors, not joined yet. */
  next (server) {
    if (this.#rounds % ROUNDS_A_DOCUMENT === 0) {
      this.#documents = new Map(Array.from({ length: DOCUMENTS }, () => [fresh('crew'), new Set()]))
    }
    this.#rounds += 1
    const names = [...this.#documents.keys()]
    const authors = Array.from({ length: WRITERS }, (_, n) => {
      this.#people += 1
      return new Author(server, names[n % names.length], { id: this.#people, token: token(`author ${this.#people}`) })
    })
    return new Crew(authors, this.perSecond, this.#documents)
  }
}

/** Twenty authors of one round. */
class Crew {
  #beat = null

  constructor (authors, perSecond, documents) {
    this.authors = authors
    this.every = 1000 / perSecond
    this.documents = documents
  }

  join () { for (const author of this.authors) author.join() }

  whenJoined () {
    return until('every author has joined', this.authors, () => this.authors.every(({ joined }) => joined))
  }

  /** Begins to write: each author at its own moments, spread evenly. */
  begin () {
    const began = performance.now()
    const turns = this.authors.map((author, n) => ({ author, due: began + n * this.every / this.authors.length }))
    this.#beat = setInterval(() => {
      const now = performance.now()
      for (const turn of turns) {
        for (; turn.due <= now; turn.due += this.every) if (turn.author.joined) turn.author.write(turn.due)
      }
    }, BEAT_MS)
  }

  get acknowledged () { return this.authors.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0) }
  get latencies () { return this.authors.flatMap(({ latencies }) => latencies) }

  /** Ends the writing. */
  stop () { clearInterval(this.#beat) }

  /** Ends the writing and the sockets: nobody of them comes back. */
  leave () {
    this.stop()
    for (const author of this.authors) {
      author.destroy()
      for (const mark of author.acknowledged) this.documents.get(author.name).add(mark)
    }
  }

  /** The marks that were acknowledged, in this round or before, and that a real Yjs does not read from the server; each once. */
  async missing (server) {
    const lost = await Promise.all([...this.documents].map(async ([name, marks]) => {
      const held = new Set((await coldLoad(server, name)).getArray(LIST).toArray())
      const lost = [...marks].filter((mark) => !held.has(mark))
      for (const mark of lost) marks.delete(mark)
      return lost
    }))
    return lost.flat()
  }
}
