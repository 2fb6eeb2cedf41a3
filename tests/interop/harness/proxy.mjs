/** A TCP relay between a client and a server whose faults are switches: cut, freeze, and the half-dead connection. */
import { createServer, connect } from 'node:net'

/** Relays to one port of loopback. */
export class Proxy {
  #listener = null
  #pairs = new Set()
  #frozen = false

  constructor (target) { this.target = target }

  static async start (target) {
    const proxy = new Proxy(target)
    await new Promise((listening, failed) => {
      proxy.#listener = createServer({ pauseOnConnect: true }, (client) => proxy.#relay(client))
      proxy.#listener.once('error', failed)
      proxy.#listener.listen(0, '127.0.0.1', listening)
    })
    return proxy
  }

  get port () { return this.#listener.address().port }
  get host () { return `127.0.0.1:${this.port}` }
  get yjs () { return `ws://${this.host}/yjs` }
  get hocuspocus () { return `ws://${this.host}/hocuspocus` }

  #relay (client) {
    const server = connect(this.target, '127.0.0.1')
    const pair = { client, server }
    this.#pairs.add(pair)
    const forget = () => {
      if (client.destroyed && server.destroyed) this.#pairs.delete(pair)
    }
    const follow = (one, other) => {
      one.on('data', (bytes) => { if (!other.write(bytes)) one.pause() })
      other.on('drain', () => { if (one === client || !this.#frozen) one.resume() })
      one.on('end', () => { if (!pair.parted) other.end() })
      one.on('error', () => {})
      one.on('close', () => {
        if (!pair.parted) other.destroy()
        forget()
      })
    }
    follow(client, server)
    follow(server, client)
    client.resume()
    if (this.#frozen) server.pause()
  }

  /** Cuts every connection with a reset, on both sides. */
  cut () {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
  }

  /** The client's side dies, the server's side lingers and hears nothing. Later connections are whole. */
  part () {
    for (const pair of this.#pairs) {
      pair.parted = true
      pair.client.resetAndDestroy()
    }
  }

  /** Lets go of the server's sides that linger since `part`. */
  release () {
    for (const pair of this.#pairs) if (pair.parted) pair.server.destroy()
  }

  /** Stops reading from the server, so that its socket fills; what the client sends still passes. */
  freeze () {
    this.#frozen = true
    for (const { server } of this.#pairs) server.pause()
  }

  /** Reads from the server again. */
  thaw () {
    this.#frozen = false
    for (const { server } of this.#pairs) server.resume()
  }

  stop () {
    this.cut()
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
    return new Promise((closed) => { this.#listener.close(closed) })
  }
}
