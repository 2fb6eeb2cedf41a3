/** The databases that a run may be over; each is begun for the run and gone after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** SQLite's own check of a file, `ok` if nothing contradicts itself. */
export const integrity = (file) => {
  const database = new DatabaseSync(file)
  try {
    return database.prepare('PRAGMA integrity_check').all().map((row) => row.integrity_check).join('; ')
  } finally {
    database.close()
  }
}

/** A file of its own. */
class Sqlite {
  name = 'SQLite'
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

/** Begins the store of a name. */
export const store = async (name) => {
  if (name === 'sqlite') return new Sqlite()
  throw new Error(`there is no store ${name}: sqlite`)
}
