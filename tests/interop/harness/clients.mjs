/**
 * The published clients, unmodified, in one vocabulary: connect, edit, go offline, be cut, leave.
 *
 * Each client runs over a `ws` socket whose frames are looked at in both directions, so that tests can count
 * reconnects, acknowledgements and refusals as they stand on the wire.
 */
import { EventEmitter } from 'node:events'

import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { Acknowledgements } from './acknowledgements.mjs'
import { until } from './until.mjs'
import * as wire from './wire.mjs'

/** The name of the text that most tests share. */
export const TEXT = 'text'

const bytesOf = (data) => data instanceof Uint8Array ? data : new Uint8Array(data)

/** A `ws` class whose sockets report to `observer` before the provider sees anything. */
const observed = (observer, options = {}) => class extends WebSocket {
  constructor (url, protocols) {
    super(url, protocols, { perMessageDeflate: false, maxPayload: 0, ...options })
    this.on('open', () => observer.opened(this))
    this.on('message', (data) => observer.received(this, bytesOf(data)))
    this.on('close', (code, reason) => observer.closed(this, code, String(reason)))
    this.on('error', () => {})
    observer.created(this)
  }

  send (data, ...rest) {
    observer.sent(this, bytesOf(data))
    super.send(data, ...rest)
  }
}

/** What both kinds of client share. Emits `change` whenever anything about it moved. */
class Client extends EventEmitter {
  sockets = []
  /** Closed sockets as `{ code, reason, at }`. */
  closes = []
  /** How often a socket was opened, and how often one was tried. */
  opened = 0
  tried = 0
  /** Reasons of refusals in the protocol's own words, and payloads of stateless messages. */
  denied = []
  stateless = []
  /** Sync frames that came: SyncStep1, SyncStep2, Update. */
  heard = [0, 0, 0]
  destroyed = false

  constructor (name, doc, who) {
    super()
    this.setMaxListeners(0)
    this.name = name
    this.doc = doc
    this.who = who
    doc.on('update', this.#moved)
  }

  #moved = () => { this.emit('change') }

  get text () { return this.doc.getText(TEXT) }

  /** The newest socket, or undefined. */
  get socket () { return this.sockets.at(-1) }

  /** Whether the newest socket is open. */
  get connected () { return this.socket?.readyState === WebSocket.OPEN }

  observeAwareness () { this.awareness?.on('change', this.#moved) }

  /** The presence states of others, newest known, as a list. */
  others () {
    return [...this.awareness.getStates()].filter(([client]) => client !== this.doc.clientID).map(([, state]) => state)
  }

  describe () {
    const closes = this.closes.map(({ code, reason }) => `${code}${reason && ` ${reason}`}`).join(', ')
    return `${this.kind} ${this.who} on ${JSON.stringify(this.name)}: ${this.synced ? 'synced' : 'not synced'}, ` +
      `text ${this.text.length}, opened ${this.opened}, closes [${closes}], denied [${this.denied}], ` +
      `stateless [${this.stateless}]${this.standing()}`
  }

  standing () { return '' }

  /** Resolves when the client holds what the server has. */
  async whenSynced (milliseconds) {
    await until(`${this.who} is synced`, this, () => this.synced, milliseconds)
    return this
  }

  /** Cuts the newest socket without a close frame; the provider comes back by itself. */
  cut () { this.socket?.terminate() }

  /** Appends to the shared text in one transaction. */
  type (text) { this.text.insert(this.text.length, text) }

  // What a socket reports.
  created (socket) {
    this.tried += 1
    this.sockets.push(socket)
  }

  opened_ () {
    this.opened += 1
    this.emit('change')
  }

  closed_ (code, reason) {
    this.closes.push({ code, reason, at: Date.now() })
    this.emit('change')
  }

  destroy () {
    this.destroyed = true
    this.doc.off('update', this.#moved)
    this.awareness?.off('change', this.#moved)
  }
}

/** `y-websocket`: one document on one socket. */
export class YClient extends Client {
  kind = 'y-websocket'

  /**
   * @param {{ yjs: string }} server
   * @param {string} name
   * @param {{ token?: string, doc?: Y.Doc, who?: string, broadcast?: boolean, connect?: boolean, subprotocol?: boolean,
   *   awareness?: Awareness, resyncInterval?: number }} [how]
   *   `broadcast` lets the tabs of this process talk to each other, as a browser's do
   */
  constructor (server, name, { token, doc = new Y.Doc(), who = 'someone', broadcast = false, connect = true, subprotocol = false, awareness, resyncInterval = -1 } = {}) {
    super(name, doc, who)
    const credentials = token === undefined ? {} : subprotocol ? { protocols: ['tandem', token] } : { params: { token } }
    this.provider = new WebsocketProvider(server.yjs, name, doc, {
      ...credentials, connect, resyncInterval, disableBc: !broadcast, WebSocketPolyfill: observed(this.#observer), ...(awareness ? { awareness } : {})
    })
    this.awareness = this.provider.awareness
    this.observeAwareness()
    this.terminal = null
    this.provider.on('sync', () => this.emit('change'))
    this.provider.on('closed', (closed) => {
      this.terminal = closed
      this.emit('change')
    })
  }

  #observer = {
    created: (socket) => this.created(socket),
    opened: () => this.opened_(),
    sent: () => {},
    received: (socket, bytes) => {
      const frame = wire.read(bytes, false)
      if (frame.type === wire.AUTH) this.denied.push(frame.text)
      if (frame.type === wire.SYNC) this.heard[frame.subtype] += 1
      setImmediate(() => this.emit('change'))
    },
    closed: (socket, code, reason) => this.closed_(code, reason)
  }

  get synced () { return this.provider.synced }

  /** Leaves the network on purpose; edits go on. */
  goOffline () { this.provider.disconnect() }
  goOnline () { this.provider.connect() }

  destroy () {
    super.destroy()
    this.provider.destroy()
    this.awareness.destroy()
  }
}

/** A Hocuspocus socket that several documents share. */
export class HocuspocusSocket {
  #documents = new Map()
  sockets = []
  opened = 0

  constructor (server, { connect = true, options } = {}) {
    this.websocket = new HocuspocusProviderWebsocket({
      url: server.hocuspocus, autoConnect: connect, WebSocketPolyfill: observed(this.#observer, options)
    })
  }

  #each (act) { for (const client of this.#documents.values()) act(client) }

  #observer = {
    created: (socket) => {
      this.sockets.push(socket)
      this.#each((client) => client.created(socket))
    },
    opened: () => {
      this.opened += 1
      this.#each((client) => client.socketOpened())
    },
    sent: (socket, bytes) => {
      const frame = wire.read(bytes, true)
      this.#documents.get(frame.key)?.frameSent(frame)
    },
    received: (socket, bytes) => {
      const frame = wire.read(bytes, true)
      this.#documents.get(frame.key)?.frameReceived(frame)
    },
    closed: (socket, code, reason) => this.#each((client) => client.socketClosed(code, reason))
  }

  add (key, client) {
    this.#documents.set(key, client)
    if (this.sockets.length > 0) client.created(this.sockets.at(-1))
    if (this.sockets.at(-1)?.readyState === WebSocket.OPEN) client.socketOpened()
  }

  remove (key) { this.#documents.delete(key) }

  destroy () { this.websocket.destroy() }
}

/** `@hocuspocus/provider`: counts acknowledgements; many of them may share one {@link HocuspocusSocket}. */
export class HClient extends Client {
  kind = 'hocuspocus'
  acks = new Acknowledgements()
  #own = null

  /**
   * @param {{ hocuspocus: string }} server
   * @param {string} name
   * @param {{ token?: string | (() => string | Promise<string>), doc?: Y.Doc, who?: string, socket?: HocuspocusSocket,
   *   presence?: boolean, connect?: boolean, options?: object, sessionAwareness?: boolean }} [how]
   */
  constructor (server, name, { token = null, doc = new Y.Doc(), who = 'someone', socket, presence = true, connect = true, options, sessionAwareness = false } = {}) {
    super(name, doc, who)
    this.#own = socket ? null : new HocuspocusSocket(server, { connect, options })
    this.shared = socket ?? this.#own
    this.awareness = presence ? new Awareness(doc) : null
    this.observeAwareness()
    this.scopes = []
    const moved = () => this.emit('change')
    this.provider = new HocuspocusProvider({
      name, document: doc, token, awareness: this.awareness, websocketProvider: this.shared.websocket, sessionAwareness,
      onSynced: moved,
      onUnsyncedChanges: moved,
      onAuthenticated: ({ scope }) => {
        this.scopes.push(scope)
        moved()
      },
      onAuthenticationFailed: ({ reason }) => {
        this.denied.push(reason)
        moved()
      },
      onStateless: ({ payload }) => {
        this.stateless.push(payload)
        moved()
      }
    })
    this.key = this.provider.effectiveName
    this.shared.add(this.key, this)
    this.provider.attach()
  }

  socketOpened () {
    this.acks.opened()
    this.opened_()
  }

  socketClosed (code, reason) {
    this.acks.closed()
    this.closed_(code, reason)
  }

  frameSent (frame) { this.acks.sent(frame) }

  frameReceived (frame) {
    this.acks.received(frame)
    if (frame.type === wire.SYNC) this.heard[frame.subtype] += 1
    // After the provider has applied it.
    setImmediate(() => this.emit('change'))
  }

  get synced () { return this.provider.isSynced }

  /** Logged in, holding theirs, and everything of ours durable: what a page may call "saved". */
  get saved () { return this.provider.isAuthenticated && this.provider.isSynced && this.acks.saved }

  standing () {
    const { granted, refused, owed } = this.acks
    return `, ${this.saved ? 'saved' : `owed ${owed.length}`}, status 1 ×${granted}, 0 ×${refused}`
  }

  /** Makes an edit that carries `mark`, and counts it as acknowledged when the server says so. */
  write (mark, edit) {
    this.acks.writing(mark)
    this.doc.transact(edit)
    this.acks.wrote()
  }

  /** Resolves when everything that was written is acknowledged. */
  async whenSaved (milliseconds) {
    await until(`${this.who} is saved`, this, () => this.saved, milliseconds)
    return this
  }

  goOffline () { this.shared.websocket.disconnect() }
  goOnline () { return this.shared.websocket.connect() }

  destroy () {
    super.destroy()
    this.provider.destroy()
    this.shared.remove(this.key)
    this.#own?.destroy()
  }
}

/** Makes a client of the kind named. */
export const open = (kind, server, name, how) => kind === 'hocuspocus' ? new HClient(server, name, how) : new YClient(server, name, how)

/** Both kinds of client. */
export const kinds = ['y-websocket', 'hocuspocus']
