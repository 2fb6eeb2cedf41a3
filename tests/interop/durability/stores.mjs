/** The databases that a run may be over; each is begun for the run and gone after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { Postgres as PostgresServer } from '../harness/postgres.mjs'
import { FailingDisk } from './disk.mjs'

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
  #own = null
  #shim = null

  /** @param {Place} place */
  constructor ({ folder, forgets }) {
    if (!folder) this.#own = mkdtempSync(join(tmpdir(), 'tandem-durability-'))
    this.file = join(folder ?? this.#own, 'tandem.db')
    this.environment = { DATABASE_URL: `sqlite://${this.file}?mode=rwc` }
    if (!forgets) return
    this.#shim = new FailingDisk()
    this.#shim.lies = true
    Object.assign(this.environment, this.#shim.environment(this.file))
  }

  /** It has no processes that could stand still, end or begin. */
  async pause () {}
  async kill () {}
  async begin () {}

  /** What is wrong with it; the server must be down. */
  async check () {
    const found = integrity(this.file)
    return found === 'ok' ? null : found
  }

  async stop () {
    this.#shim?.stop()
    this.#shim = null
    if (this.#own) rmSync(this.#own, { recursive: true, force: true })
  }
}

/**
 * How a PostgreSQL is started whose disk is small and cut again and again: two segments of its log are kept, and a start syncs the
 * file system at once, not each of a thousand files.
 */
const CUT_OFTEN = '-c min_wal_size=32MB -c max_wal_size=32MB -c recovery_init_sync_method=syncfs'

/** How many documents do not have each of their rows, once, from the first to the last that was given a position. */
const GAPS = `
  SELECT count(*) FROM documents LEFT JOIN (
    SELECT document, min(coalesce(first, seq)) AS first, max(seq) AS last, sum(seq - coalesce(first, seq) + 1) AS held
    FROM document_updates GROUP BY document
  ) AS log ON log.document = documents.id
  WHERE (coalesce(log.first, base + 1), coalesce(log.last, base), coalesce(log.held, 0)) <> (base + 1, head, head - base)
    OR EXISTS (SELECT FROM document_snapshots WHERE document_snapshots.document = documents.id AND seq > head)`

/** A PostgreSQL of its own, which may be killed whole, with the server or under it. */
class Postgres {
  name = 'PostgreSQL'
  victims = ['tandem', 'database', 'both']
  #server

  constructor (server) {
    this.#server = server
    this.environment = { DATABASE_URL: server.url }
  }

  /** @param {Place} place */
  static async start ({ folder, forgets }) {
    const place = folder ? { PG_FOLDER: folder, PG_OPTIONS: `${CUT_OFTEN}${forgets ? ' -c fsync=off' : ''}` } : {}
    return new Postgres(await PostgresServer.start(place))
  }

  /** Lets every process of it stand still. */
  pause () { return this.#server.does('pause') }
  /** Ends every process of it at once. */
  kill () { return this.#server.does('kill') }
  /** Starts it again. */
  begin () { return this.#server.does('start') }

  /** What is wrong with it: with its tables and their indexes, or with the order of what they hold. */
  async check () {
    const damage = await this.#server.does('check')
    if (damage) return damage
    const gaps = await this.#server.does(`ask ${GAPS.replace(/\s+/g, ' ')}`)
    return gaps === '0' ? null : `${gaps} documents lack rows`
  }

  stop () { return this.#server.stop() }
}

/**
 * Where a database lies.
 *
 * @typedef {object} Place
 * @property {string} [folder] one that every user may enter, of a disk that is cut; without it one of its own
 * @property {boolean} [forgets] whether nothing is ever synced: what a control must notice; only in a folder that is given
 */

/**
 * Begins the store of a name.
 *
 * @param {string} name
 * @param {Place} [place]
 */
export const store = async (name, place = {}) => {
  if (name === 'sqlite') return new Sqlite(place)
  if (name === 'postgres') return Postgres.start(place)
  throw new Error(`there is no store ${name}: sqlite, postgres`)
}
