/** The databases that a run may be over; each is begun for the run and gone after it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

/** SQLite's own check of a file, `ok` if nothing contradicts itself. */
export const integrity = (file) => {
  const database = new DatabaseSync(file)
  try {
    return database.prepare('PRAGMA integrity_check').all().map((row) => row.integrity_check).join('; ')
  } finally {
    database.close()
  }
}

/** A file of its own: it is killed with the server, or not at all. */
class Sqlite {
  name = 'SQLite'
  victims = ['tandem']
  #folder = mkdtempSync(join(tmpdir(), 'tandem-durability-'))

  get file () { return join(this.#folder, 'tandem.db') }
  get environment () { return { DATABASE_URL: `sqlite://${this.file}?mode=rwc` } }

  /** What is wrong with it; the server must be down. */
  async check () {
    const found = integrity(this.file)
    return found === 'ok' ? null : found
  }

  async stop () { rmSync(this.#folder, { recursive: true, force: true }) }
}

/** A PostgreSQL of its own, which may be killed whole, with the server or under it. */
class Postgres {
  name = 'PostgreSQL'
  victims = ['tandem', 'database', 'both']
  #process
  #lines

  static async start () {
    const store = new Postgres()
    store.#process = spawn(resolve(fileURLToPath(import.meta.url), '../../../postgres/server'), { stdio: ['pipe', 'pipe', 'inherit'] })
    store.#lines = createInterface({ input: store.#process.stdout })[Symbol.asyncIterator]()
    const [word, url] = (await store.#line()).split(' ')
    if (word !== 'ready') throw new Error(`PostgreSQL said ${word}`)
    store.environment = { DATABASE_URL: url }
    return store
  }

  async #line () {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('PostgreSQL ended')
    return value
  }

  async #do (command) {
    this.#process.stdin.write(`${command}\n`)
    await this.#line()
  }

  /** Ends every process of it at once. */
  kill () { return this.#do('kill') }
  /** Starts it again. */
  begin () { return this.#do('start') }
  /** It checks itself when it starts after a kill. */
  async check () { return null }

  async stop () {
    const ended = new Promise((end) => { this.#process.once('exit', end) })
    this.#process.stdin.end()
    await ended
  }
}

/** Begins the store of a name. */
export const store = async (name) => {
  if (name === 'sqlite') return new Sqlite()
  if (name === 'postgres') return Postgres.start()
  throw new Error(`there is no store ${name}: sqlite, postgres`)
}
