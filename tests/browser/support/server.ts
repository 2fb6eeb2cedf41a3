/** Starts the real server in a folder of its own, and stops, kills and starts it again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 25_000

export class Server {
  #child: ChildProcess | null = null
  #log = ''

  private constructor(
    readonly port: number,
    readonly folder: string,
    readonly secret: string,
    readonly settings: Record<string, string>,
  ) {}

  /** Starts a server; `settings` are environment variables on top of a development server's. */
  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-browser-'))
    const server = new Server(await freePort(), folder, randomBytes(32).toString('hex'), settings)
    await server.start()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  async start(): Promise<void> {
    const binary = process.env['TANDEM_BIN']
    if (!binary) throw new Error('TANDEM_BIN must name the server to test, for example ../../target/debug/tandem')
    const child = spawn(binary, [], {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'],
        HOME: this.folder,
        DATABASE_URL: `sqlite://${join(this.folder, 'tandem.db')}?mode=rwc`,
        JWT_SECRET_KEY: this.secret,
        TANDEM__SERVER__LISTEN: `127.0.0.1:${this.port}`,
        ...this.settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-8_000))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#child = child
    await this.#ready(child)
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to end, and tells whether it did so cleanly. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS
    while (Date.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null) break
      try {
        const answer = await fetch(`${this.url}health/ready`)
        if (answer.status === 200) return
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    child.kill('SIGKILL')
    throw new Error(`the server did not become ready:\n${this.#log}`)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    await ended
    clearTimeout(timer)
  }
}

/** A port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
