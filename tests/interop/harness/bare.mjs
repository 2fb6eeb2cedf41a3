/** A WebSocket on a bare TCP connection: from any loopback address, answering nothing unless told to, able to stop reading and to lie. */
import { EventEmitter } from 'node:events'
import { connect } from 'node:net'

import { until } from './until.mjs'

/** Opcodes. */
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

/**
 * One frame as a client writes it, its mask all zeros.
 *
 * @param {number} opcode
 * @param {Uint8Array} payload
 * @param {{ final?: boolean, announced?: number }} [how] `announced` is the length that the header claims
 */
export const frame = (opcode, payload = new Uint8Array(), { final = true, announced = payload.length } = {}) => {
  const long = announced > 65_535 ? 10 : announced > 125 ? 4 : 2
  const head = Buffer.alloc(long + 4)
  head[0] = opcode | (final ? 0x80 : 0)
  head[1] = 0x80 | (long === 2 ? announced : long === 4 ? 126 : 127)
  if (long === 4) head.writeUInt16BE(announced, 2)
  if (long === 10) head.writeBigUInt64BE(BigInt(announced), 2)
  return Buffer.concat([head, payload])
}

/** One connection. Emits `change` when it is upgraded and when it ends; counts what comes and keeps nothing of it. */
export class Bare extends EventEmitter {
  upgraded = false
  /** The status of a refused upgrade. */
  refused = null
  ended = false
  /** Code of the close frame, if one came. */
  code = null
  received = 0
  frames = 0
  pings = 0
  #head = Buffer.alloc(0)
  #skip = 0

  constructor (server, path, { from = '127.0.0.1', onFrame = null, pongs = false } = {}) {
    super()
    this.from = from
    this.onFrame = onFrame
    this.pongs = pongs
    this.socket = connect({ host: '127.0.0.1', port: server.port, localAddress: from })
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    this.socket.on('data', (bytes) => this.#read(bytes))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.ended = true
      this.endedAt = performance.now()
      this.emit('change')
    })
  }

  describe () { return `bare from ${this.from}: ${this.ended ? `ended ${this.code}` : 'open'}, ${this.received} bytes in ${this.frames} frames` }

  #read (bytes) {
    this.received += bytes.length
    if (this.upgraded && this.#skip >= bytes.length) {
      this.#skip -= bytes.length
      return
    }
    this.#head = Buffer.concat([this.#head, bytes.subarray(this.upgraded ? this.#skip : 0)])
    this.#skip = 0
    if (!this.upgraded) {
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return
      const status = Number(this.#head.toString('latin1', 9, 12))
      this.#head = this.#head.subarray(end + 4)
      if (status === 101) this.upgraded = true
      else this.refused = status
      this.emit('change')
      if (!this.upgraded) return
    }
    while (this.#head.length >= 2) {
      const opcode = this.#head[0] & 15
      const short = this.#head[1] & 127
      const at = short === 127 ? 10 : short === 126 ? 4 : 2
      if (this.#head.length < at) return
      const length = short === 127 ? Number(this.#head.readBigUInt64BE(2)) : short === 126 ? this.#head.readUInt16BE(2) : short
      const whole = this.#head.length >= at + length
      if (!whole && (opcode >= CLOSE || this.onFrame)) return
      this.frames += 1
      if (opcode === CLOSE) this.code = this.#head.readUInt16BE(at)
      if (opcode === PING) {
        this.pings += 1
        if (this.pongs) this.send(PONG, this.#head.subarray(at, at + length))
      }
      this.onFrame?.(opcode, this.#head.subarray(at, at + length))
      if (opcode === CLOSE) this.emit('change')
      if (whole) {
        this.#head = this.#head.subarray(at + length)
      } else {
        this.#skip = at + length - this.#head.length
        this.#head = Buffer.alloc(0)
      }
    }
  }

  async opened () {
    await until('the upgrade is answered', this, () => this.upgraded || this.refused || this.ended)
    return this
  }

  whenEnded (milliseconds) { return until('it is closed', this, () => this.ended, milliseconds) }

  send (opcode, payload, how) { this.socket.write(frame(opcode, payload, how)) }
  pause () { this.socket.pause() }
  resume () { this.socket.resume() }
  destroy () { this.socket.destroy() }
}
