/** A PostgreSQL of a test's own: `tests/postgres/server` starts it, and ends it when this process does. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = resolve(fileURLToPath(import.meta.url), '../../../postgres/server')

export class Postgres {
  #process
  #lines

  /** Starts a server and waits until it answers. */
  static async start () {
    const postgres = new Postgres()
    postgres.#process = spawn(script, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    postgres.#lines = createInterface({ input: postgres.#process.stdout })[Symbol.asyncIterator]()
    const [, url] = (await postgres.#line()).split(' ')
    postgres.url = url
    return postgres
  }

  async #line () {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('PostgreSQL ended; what it said stands above')
    return value
  }

  /** Gives it a command: `stop`, `kill`, `pause`, `resume` or `start`. */
  async does (command) {
    this.#process.stdin.write(`${command}\n`)
    await this.#line()
  }

  /** Ends it; its folder goes with it. */
  async stop () {
    const ended = new Promise((resolve) => { this.#process.once('exit', resolve) })
    this.#process.stdin.end()
    await ended
  }
}
