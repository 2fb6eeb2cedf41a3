/**
 * Starts, stops, kills and restarts the real binary, each server in a folder of its own.
 *
 * `TANDEM_BIN` names the binary; without it the debug build of this checkout is taken.
 */
import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { pause } from './until.mjs'
import { secret } from './tokens.mjs'

const checkout = resolve(fileURLToPath(import.meta.url), '../../../..')

/** The binary under test. */
export const binary = process.env.TANDEM_BIN ?? join(checkout, 'target/debug/tandem')

const START_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 30_000

const freePort = () => new Promise((done, failed) => {
  const probe = createServer()
  probe.once('error', failed)
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => done(port))
  })
})

/** One Tandem on loopback with its own data. Emits `change` when its process ends. */
export class Server extends EventEmitter {
  #process = null
  #ended = null
  #log = null

  constructor (folder, port, environment) {
    super()
    this.folder = folder
    this.port = port
    this.environment = environment
    this.starts = 0
    this.exit = null
  }

  /**
   * Starts a server and waits until it is ready.
   *
   * @param {Record<string, string>} [environment] settings beyond those of every test, e.g. `TANDEM__LIMITS__OUTBOX_BYTES`
   */
  static async start (environment = {}) {
    if (!existsSync(binary)) throw new Error(`no binary at ${binary}: run \`make test-interop\`, or set TANDEM_BIN`)
    const server = new Server(mkdtempSync(join(tmpdir(), 'tandem-interop-')), await freePort(), environment)
    await server.begin()
    return server
  }

  get host () { return `127.0.0.1:${this.port}` }
  get http () { return `http://${this.host}` }
  get yjs () { return `ws://${this.host}/yjs` }
  get hocuspocus () { return `ws://${this.host}/hocuspocus` }
  get database () { return join(this.folder, 'tandem.db') }
  get logFile () { return join(this.folder, 'server.log') }
  get running () { return this.exit === null && this.#process !== null }
  get pid () { return this.#process?.pid }

  /** Everything that the server wrote to its standard streams, over all its starts. */
  log () { return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '' }

  describe () {
    const tail = this.log().split('\n').slice(-15).join('\n    ')
    return `server ${this.host}: ${this.running ? 'running' : `ended ${JSON.stringify(this.exit)}`}\n    ${tail}`
  }

  /** Starts the process on the folder as it is; `environment` replaces what was given at first. */
  async begin (environment = this.environment) {
    this.environment = environment
    this.exit = null
    this.starts += 1
    this.#log = createWriteStream(this.logFile, { flags: 'a' })
    this.#process = spawn(binary, ['serve'], {
      cwd: this.folder,
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        NO_COLOR: '1',
        LOG_LEVEL: 'info',
        TANDEM__SERVER__LISTEN: this.host,
        DATABASE_URL: `sqlite://${this.database}?mode=rwc`,
        JWT_SECRET_KEY: secret,
        ...environment
      },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#process.stdout.pipe(this.#log, { end: false })
    this.#process.stderr.pipe(this.#log, { end: false })
    this.#process.once('exit', (code, signal) => {
      this.exit = { code, signal }
      this.emit('change')
    })
    // What it said last comes behind its exit.
    this.#ended = new Promise((ended) => this.#process.once('close', () => ended(this.exit)))
    await this.#ready()
  }

  async #ready () {
    const deadline = Date.now() + START_WITHIN_MS
    for (;;) {
      if (!this.running) throw new Error(`the server ended before it was ready\n${this.describe()}`)
      const ready = await fetch(`${this.http}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then((r) => r.status === 200, () => false)
      if (ready) return
      if (Date.now() > deadline) throw new Error(`the server was not ready within ${START_WITHIN_MS} ms\n${this.describe()}`)
      await pause(25)
    }
  }

  async #over (what) {
    let late
    const tooLong = new Promise((_, failed) => {
      late = setTimeout(() => failed(new Error(`the server outlived ${what} by ${STOP_WITHIN_MS} ms\n${this.describe()}`)), STOP_WITHIN_MS)
    })
    try {
      return await Promise.race([this.#ended, tooLong])
    } finally {
      clearTimeout(late)
    }
  }

  /** Ends the process as a power cut would, and waits until it is gone. */
  async kill () {
    this.#process.kill('SIGKILL')
    return this.#over('SIGKILL')
  }

  /** Asks the process to stop and resolves with `{ code, signal }` of its end. */
  async terminate () {
    this.#process.kill('SIGTERM')
    return this.#over('SIGTERM')
  }

  /** Stops gracefully and starts again on the same data. */
  async restart (environment = this.environment) {
    if (this.running) await this.terminate()
    await this.begin(environment)
  }

  /**
   * Ends the server and removes its folder. An end that is not clean fails the test.
   *
   * @param {{ clean?: boolean }} [how] `clean: false` for servers that a test has broken on purpose
   */
  async stop ({ clean = true } = {}) {
    const exit = this.running ? await this.terminate() : await this.#ended
    const log = this.log()
    this.#log?.end()
    const keep = process.env.TANDEM_KEEP
    if (!keep) rmSync(this.folder, { recursive: true, force: true })
    if (!clean) return
    if (exit?.code !== 0) throw new Error(`SIGTERM ended with ${JSON.stringify(exit)}, not with 0\n${log.split('\n').slice(-20).join('\n')}`)
    const panic = log.split('\n').find((line) => /panicked: /.test(line))
    if (panic) throw new Error(`the server panicked: ${panic}`)
  }

  /**
   * One HTTP request to the server.
   *
   * @param {string} method
   * @param {string} path
   * @param {{ token?: string, json?: unknown }} [what]
   */
  async request (method, path, { token, json } = {}) {
    const headers = {}
    if (token) headers.authorization = `Bearer ${token}`
    if (json !== undefined) headers['content-type'] = 'application/json'
    const body = json === undefined ? undefined : JSON.stringify(json)
    const response = await fetch(this.http + path, { method, headers, body, signal: AbortSignal.timeout(10_000) })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) }
  }

  /** Sets a place of the server's code to `actions`: `1*panic` hits whoever comes first, `return(name)` only that one, once. */
  async strike (place, actions) {
    const response = await fetch(`${this.http}/failpoints`, { method: 'POST', body: `${place}=${actions}`, signal: AbortSignal.timeout(10_000) })
    if (response.status !== 204) throw new Error(`no failpoints in ${binary}: ${response.status} ${await response.text()}`)
  }

  /** The sum of a metric over its labels that match, 0 when it was never counted. */
  async metric (name, labels = {}) {
    const { text } = await this.request('GET', '/metrics')
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
    return text.split('\n')
      .filter((line) => line.startsWith(name) && /[{ ]/.test(line[name.length]) && wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }
}
