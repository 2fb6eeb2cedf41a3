/** A PostgreSQL of a test's own: `tests/postgres/server` starts it, and ends it when this process does. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = resolve(fileURLToPath(import.meta.url), '../../../postgres/server')

export class Postgres {
  #process
  #lines

  /**
   * Starts a server and waits until it answers.
   *
   * @param {Record<string, string>} [environment] what the script takes, e.g. `PG_FOLDER`
   */
  static async start (environment = {}) {
    const postgres = new Postgres()
    postgres.#process = spawn(script, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } })
    postgres.#lines = createInterface({ input: postgres.#process.stdout })[Symbol.asyncIterator]()
    // What fails to be written to one that ended is noticed when it does not answer.
    postgres.#process.stdin.on('error', () => {})
    const [word, url] = (await postgres.#line('first start')).split(' ')
    if (word !== 'ready') throw new Error(`PostgreSQL said ${word}`)
    postgres.url = url
    return postgres
  }

  async #line (command) {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`PostgreSQL ended at its ${command}; what it said stands above`)
    return value
  }

  /** Gives it one of the script's commands, on one line, and resolves with the answer behind `done`. */
  async does (command) {
    this.#process.stdin.write(`${command}\n`)
    return (await this.#line(command)).replace(/^done ?/, '')
  }

  /** Ends it; its folder goes with it. */
  async stop () {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = new Promise((resolve) => { this.#process.once('exit', resolve) })
    this.#process.stdin.end()
    await ended
  }
}
