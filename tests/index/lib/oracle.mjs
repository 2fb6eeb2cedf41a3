// Talks to crates/yjs/src/bin/index_oracle.rs: one question, one answer, in order.
import { spawn, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as encoding from 'lib0/encoding'
import * as decoding from 'lib0/decoding'

const workspace = fileURLToPath(new URL('../../..', import.meta.url))
const unlimited = Number.MAX_SAFE_INTEGER
const empty = new Uint8Array(0)

/** Builds the oracle, or takes the one that INDEX_ORACLE names; gives its path. */
export function oraclePath () {
  if (process.env.INDEX_ORACLE) return process.env.INDEX_ORACLE
  const args = ['build', '--release', '--package', 'tandem-yjs', '--features', 'oracle', '--bin', 'index_oracle', '--message-format', 'json']
  const lines = execFileSync('cargo', args, { cwd: workspace, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 })
  for (const line of lines.split('\n').filter(Boolean)) {
    const message = JSON.parse(line)
    if (message.target?.name === 'index_oracle' && message.executable) return message.executable
  }
  throw new Error('cargo named no executable')
}

export class Oracle {
  constructor (path = oraclePath()) {
    this.child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.waiting = []
    this.chunks = []
    this.held = 0
    this.child.stdout.on('data', chunk => this.#receive(chunk))
    this.child.on('exit', code => { for (const { reject } of this.waiting.splice(0)) reject(new Error(`the oracle ended with ${code}`)) })
  }

  #receive (chunk) {
    this.chunks.push(chunk)
    this.held += chunk.length
    while (this.held >= 4) {
      if (this.chunks[0].length < 4) this.chunks = [Buffer.concat(this.chunks)]
      const length = this.chunks[0].readUInt32LE(0)
      if (this.held < 4 + length) return
      const all = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
      const rest = all.subarray(4 + length)
      this.chunks = rest.length ? [rest] : []
      this.held = rest.length
      this.waiting.shift().resolve(new Uint8Array(all.subarray(4, 4 + length)))
    }
  }

  ask (kind, write = () => {}) {
    const encoder = encoding.createEncoder()
    encoding.writeUint8(encoder, kind)
    write(encoder)
    const question = Buffer.from(encoding.toUint8Array(encoder))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(question.length)
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.child.stdin.write(length)
      this.child.stdin.write(question)
    })
  }

  reset ({ collect = true, limits = [unlimited, unlimited, unlimited] } = {}) {
    return this.ask(0, e => {
      encoding.writeUint8(e, collect ? 1 : 0)
      for (const limit of limits) encoding.writeVarUint(e, limit)
    })
  }

  /** Admits updates; each gives { refusal, taken, structs, deletions, missing, refused, cause }. */
  async admit (updates) {
    const decoder = decoding.createDecoder(await this.ask(1, e => writeAll(e, updates)))
    return updates.map(() => {
      const refusal = decoding.readVarString(decoder)
      const taken = decoding.readVarUint8Array(decoder).slice()
      const flags = decoding.readUint8(decoder)
      const [missing, refused, cause] = [0, 0, 0].map(() => decoding.readVarString(decoder))
      return { refusal, taken: taken.length ? taken : null, structs: !!(flags & 1), deletions: !!(flags & 2), missing, refused, cause }
    })
  }

  difference (stateVector) { return this.ask(2, e => encoding.writeVarUint8Array(e, stateVector)) }
  encode () { return this.ask(3) }
  stateVector () { return this.ask(5) }
  async holds (update) { return (await this.ask(6, e => encoding.writeVarUint8Array(e, update)))[0] === 1 }

  async merge (updates) {
    const decoder = decoding.createDecoder(await this.ask(4, e => writeAll(e, updates)))
    const refusal = decoding.readVarString(decoder)
    if (refusal) throw new Error(`merge refused: ${refusal}`)
    return decoding.readVarUint8Array(decoder).slice()
  }

  async time (updates) {
    const decoder = decoding.createDecoder(await this.ask(7, e => writeAll(e, updates)))
    const [micros, bytes, structs, clients] = [0, 0, 0, 0].map(() => decoding.readVarUint(decoder))
    return { micros, bytes, structs, clients }
  }

  async timeDifference (times) {
    const decoder = decoding.createDecoder(await this.ask(8, e => encoding.writeVarUint(e, times)))
    return { nanos: decoding.readVarUint(decoder), bytes: decoding.readVarUint(decoder) }
  }

  close () { this.child.stdin.end() }
}

function writeAll (encoder, updates) {
  encoding.writeVarUint(encoder, updates.length)
  for (const update of updates) encoding.writeVarUint8Array(encoder, update ?? empty)
}
