/**
 * The line to the server: one document on one Hocuspocus socket.
 *
 * It turns the provider's events into the plain facts that the rest of the page goes by. Two things differ from
 * what the provider would do alone: what is saved is counted by our own ledger, and after a refusal the whole
 * socket is opened anew, so that every login is followed by exactly one handshake.
 */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import type { Doc } from 'yjs'
import { readFrame } from './frames'
import { type Identity, NoAccess, Unreachable } from './identity'
import { Ledger } from './saved'
import type { Facts } from './state'

/** Why the page cannot go on by itself. */
export type Trouble =
  | 'guests-off'
  | 'token-ended'
  | 'token-broken'
  | 'denied'
  | 'bad-name'
  | 'quarantined'
  | 'closed'
  | 'deleted'
  | 'too-large'
  | 'refused'

/** Those in which the server does not give us the document at all. */
const SHUT_OUT = ['guests-off', 'token-ended', 'token-broken', 'denied', 'bad-name', 'quarantined'] as const

export type ShutOut = (typeof SHUT_OUT)[number]

export function isShutOut(trouble: Trouble | 'offline' | null): trouble is ShutOut {
  return (SHUT_OUT as readonly unknown[]).includes(trouble)
}

/** Refusals of a login that another token would not change. */
const ABOUT_THE_DOCUMENT: Readonly<Record<string, ShutOut>> = {
  'name-not-allowed': 'bad-name',
  quarantined: 'quarantined',
}

interface Events {
  /** Some fact has changed. */
  readonly changed: () => void
  /** The server has let us in and we hold what it has. */
  readonly joined: () => void
}

/** How long a document that the server closed is left alone: doubling, as the server's own pause does. */
const CLOSED_RETRY_MS = [2_000, 5_000, 15_000, 30_000, 60_000] as const
const UNREACHABLE_RETRY_MS = [1_000, 2_000, 5_000, 10_000] as const

export class Connection {
  readonly provider: HocuspocusProvider
  readonly #socket: HocuspocusProviderWebsocket
  readonly #ledger = new Ledger()
  readonly #identity: Identity
  readonly #events: Events
  #link: Facts['link'] = 'starting'
  #trouble: Trouble | null = null
  #everJoined = false
  #dirty = false
  #startAgain = false
  #renewed = false
  #attempts = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Why no token could be had, until one is. */
  #tokenFailure: unknown = null

  constructor(url: string, name: string, document: Doc, identity: Identity, events: Events) {
    this.#identity = identity
    this.#events = events
    this.#socket = new HocuspocusProviderWebsocket({ url, autoConnect: false })
    this.provider = new HocuspocusProvider({
      websocketProvider: this.#socket,
      name,
      document,
      token: () => this.#token() as Promise<string>,
    })
    this.#listen()
    this.provider.attach()
    for (const event of ['online', 'offline'] as const) addEventListener(event, () => this.#networkChanged())
  }

  /** Logs in first, then opens the socket: so that nothing is typed between its opening and its login. */
  async start(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      await this.#token()
    } catch (error) {
      this.#noToken(error)
      return
    }
    this.#attempts = 0
    void this.#socket.connect()
  }

  /** Tries at once instead of waiting for the next attempt. */
  #retry(): void {
    if (this.#socket.shouldConnect) void this.#socket.connect()
    else void this.start()
  }

  /** Lets go of what went wrong and opens the socket anew. */
  again(): void {
    // What is deleted stays so: to offer the text again would only have it refused again.
    if (this.#trouble !== 'deleted') this.#trouble = null
    this.reopen()
  }

  /** Opens the socket anew, which logs in and compares everything again. */
  reopen(): void {
    clearTimeout(this.#timer)
    if (this.#trouble === 'deleted') return
    if (this.#socket.webSocket?.readyState === WebSocket.OPEN) {
      this.#startAgain = true
      this.#socket.webSocket.close()
    } else {
      this.#retry()
    }
    this.#events.changed()
  }

  get trouble(): Trouble | null {
    return this.#trouble
  }

  /** Whether the server has ever given us the document. */
  get everJoined(): boolean {
    return this.#everJoined
  }

  /** Whether anything was written here since the server last confirmed everything. */
  get dirty(): boolean {
    return this.#dirty
  }

  facts(now: number): Facts {
    const trouble = this.#trouble
    const readonly = this.provider.authorizedScope === 'readonly'
    const joined = this.provider.isAuthenticated && this.provider.isSynced
    return {
      online: navigator.onLine,
      link: this.#link,
      joined,
      readonly,
      denied: isShutOut(trouble),
      deleted: trouble === 'deleted',
      tooLarge: trouble === 'too-large',
      saved: joined && this.#ledger.saved,
      refused: this.#ledger.refused || trouble === 'closed',
      waitedMs: this.#ledger.waitedMs(now),
    }
  }

  #listen(): void {
    const { provider } = this
    provider.on('open', () => {
      // The handshake carries everything. What the provider kept back would be sent, and acknowledged, twice.
      ;(this.#socket as unknown as { messageQueue: unknown[] }).messageQueue = []
      this.#ledger.opened(Date.now())
      this.#link = 'open'
      this.#events.changed()
    })
    provider.on('close', () => this.#closed())
    provider.on('outgoingMessage', ({ message }: { message: { toUint8Array(): Uint8Array } }) =>
      this.#sent(message.toUint8Array()),
    )
    provider.on('message', ({ event }: { event: MessageEvent<ArrayBuffer> }) =>
      this.#received(new Uint8Array(event.data)),
    )
    provider.on('authenticated', () => this.#authenticated())
    provider.on('authenticationFailed', ({ reason }: { reason: string }) => this.#refused(reason))
    provider.on('synced', () => {
      this.#everJoined = true
      this.#attempts = 0
      this.#events.joined()
      this.#events.changed()
    })
    provider.on('stateless', ({ payload }: { payload: string }) => this.#told(payload))
    this.#socket.on('disconnect', () => {
      if (!this.#startAgain) return
      this.#startAgain = false
      void this.#socket.connect()
    })
  }

  #sent(bytes: Uint8Array): void {
    const frame = readFrame(bytes)
    if (frame.kind === 'question') this.#ledger.sentQuestion(Date.now())
    else if (frame.kind === 'update') {
      this.#dirty = true
      this.#ledger.sentUpdate(Date.now())
    } else return
    this.#events.changed()
  }

  #received(bytes: Uint8Array): void {
    const frame = readFrame(bytes)
    switch (frame.kind) {
      case 'question':
        this.#ledger.receivedQuestion(Date.now())
        break
      case 'status':
        this.#ledger.receivedStatus(frame.stored)
        if (this.#ledger.saved) this.#dirty = false
        if (!frame.stored && this.provider.authorizedScope !== 'readonly') this.#trouble ??= 'refused'
        break
      case 'token-wanted':
        this.#identity.expire()
        return
      case 'closed':
        this.#documentClosed(frame.reason)
        break
      default:
        return
    }
    this.#events.changed()
  }

  #authenticated(): void {
    this.#renewed = false
    // What the server said about the text outlives a login; what it said about us does not.
    if (this.#trouble !== 'too-large' && this.#trouble !== 'deleted') this.#trouble = null
    this.#events.changed()
  }

  /** The login failed, or an access that we had has ended. */
  #refused(reason: string): void {
    if (this.#tokenFailure !== null) {
      this.#noToken(this.#tokenFailure)
      return
    }
    const aboutTheDocument = ABOUT_THE_DOCUMENT[reason]
    if (aboutTheDocument !== undefined) {
      this.#trouble = aboutTheDocument
      this.#events.changed()
      return
    }
    // A guest's token may come from a server that no longer knows it. Once, we ask for another.
    if (!this.#renewed && this.#identity.discard()) {
      this.#renewed = true
      this.again()
      return
    }
    if (reason === 'token-expired') this.#trouble = 'token-ended'
    else this.#trouble = this.#identity.isLegible ? 'denied' : 'token-broken'
    this.#events.changed()
  }

  #token(): string | Promise<string> {
    const token = this.#identity.token()
    if (typeof token === 'string') {
      this.#tokenFailure = null
      return token
    }
    return token.then(
      (fresh) => {
        this.#tokenFailure = null
        return fresh
      },
      (error: unknown) => {
        this.#tokenFailure = error
        throw error
      },
    )
  }

  #noToken(error: unknown): void {
    if (error instanceof NoAccess) {
      this.#trouble = error.reason
    } else if (error instanceof Unreachable) {
      this.#link = 'closed'
      this.#later(UNREACHABLE_RETRY_MS, () => this.again())
    } else {
      throw error
    }
    this.#events.changed()
  }

  #documentClosed(reason: string): void {
    if (reason === 'deleted') {
      this.#deleted()
      return
    }
    this.#trouble ??= 'closed'
    this.#later(CLOSED_RETRY_MS, () => this.again())
  }

  /** The document is no more: nothing is asked for and nothing offered from now on. */
  #deleted(): void {
    this.#trouble = 'deleted'
    this.#startAgain = false
    clearTimeout(this.#timer)
    this.#socket.disconnect()
  }

  #later(waits: readonly number[], action: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(action, waits[Math.min(this.#attempts, waits.length - 1)])
    this.#attempts += 1
  }

  #closed(): void {
    this.#ledger.closed(Date.now())
    this.#link = 'closed'
    this.#events.changed()
  }

  /** A message of the server's in words that programs read. */
  #told(payload: string): void {
    let code: unknown
    try {
      code = (JSON.parse(payload) as { code?: unknown } | null)?.code
    } catch {
      return
    }
    if (code === 'too-large') this.#trouble = code
    else if (code === 'deleted') this.#deleted()
    this.#events.changed()
  }

  #networkChanged(): void {
    // After a change of network the old socket may be dead without knowing it.
    if (navigator.onLine) this.reopen()
    this.#events.changed()
  }
}
