/** A socket without a library behind it, for frames that no honest client writes. */
import { EventEmitter } from 'node:events'

import WebSocket from 'ws'

import { until } from './until.mjs'
import * as wire from './wire.mjs'

/** One bare WebSocket. Emits `change` on every frame and on its end. */
export class Raw extends EventEmitter {
  frames = []
  end = null

  constructor (url, { protocols, named, ...options }) {
    super()
    this.url = url
    this.named = named
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options })
    this.socket.on('open', () => this.emit('change'))
    this.socket.on('message', (data, binary) => {
      this.frames.push(binary ? wire.read(new Uint8Array(data), named) : { text: String(data), type: 'text' })
      this.emit('change')
    })
    this.socket.on('close', (code, reason) => {
      this.end = { code, reason: String(reason) }
      this.emit('change')
    })
    this.socket.on('error', (error) => {
      this.error = error
      this.emit('change')
    })
    this.socket.on('unexpected-response', (request, response) => {
      this.refused = response
      request.destroy()
      this.emit('change')
    })
  }

  /** A y-websocket connection to one document. */
  static yjs (server, name, token, options = {}) {
    return new Raw(`${server.yjs}/${name}${token ? `?token=${token}` : ''}`, { named: false, ...options }).opened()
  }

  /** A Hocuspocus connection, before any Auth. */
  static hocuspocus (server, options = {}) {
    return new Raw(server.hocuspocus, { named: true, ...options }).opened()
  }

  /** A Hocuspocus connection on which `token` was accepted for `name`. */
  static async authenticated (server, name, token, options = {}) {
    const raw = await Raw.hocuspocus(server, options)
    raw.send(wire.auth(name, token))
    await raw.next('Authenticated', (frame) => frame.type === wire.AUTH && frame.subtype === wire.AUTHENTICATED)
    return raw
  }

  async opened () {
    await until(`${this.url} opens`, this, () => this.socket.readyState === WebSocket.OPEN || this.end || this.refused)
    return this
  }

  describe () {
    return `raw ${this.url}: ${this.end ? `ended ${JSON.stringify(this.end)}` : 'open'}, frames ${JSON.stringify(this.frames.slice(-5))}`
  }

  send (bytes) { this.socket.send(bytes) }

  /** Resolves with the first frame, past or future, that `wanted` accepts. */
  next (what, wanted, milliseconds) {
    return until(what, this, () => {
      const found = this.frames.find(wanted)
      if (!found && this.end) throw new Error(`${what}: the socket ended first\n  ${this.describe()}`)
      return found
    }, milliseconds)
  }

  /** Resolves with `{ code, reason }` when the server has closed. */
  whenEnded (milliseconds) { return until('the socket ends', this, () => this.end, milliseconds) }

  destroy () { this.socket.terminate() }
}
