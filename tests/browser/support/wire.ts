/** A wire between a page and its server that a test can look at, hold and cut. */
import type { Page, WebSocketRoute } from '@playwright/test'

/** The kinds of frames that the tests hold back: the byte after the document's name. */
export type Kind = 'sync' | 'awareness' | 'auth' | 'stateless' | 'status' | 'other'
const KINDS: Record<number, Kind> = { 0: 'sync', 1: 'awareness', 2: 'auth', 5: 'stateless', 8: 'status' }

interface Line {
  readonly page: WebSocketRoute
  readonly server: WebSocketRoute
}

export class Wire {
  readonly #held: Buffer[] = []
  #line: Line | null = null
  #hold: (kind: Kind) => boolean = () => false
  readonly #answers = new Map<Kind, Buffer>()
  #open = true
  #refuse = false
  #lines = 0
  #owed = 0

  /** Must come before the page is loaded. */
  static async between(page: Page): Promise<Wire> {
    const wire = new Wire()
    await page.routeWebSocket(/\/hocuspocus/, (route) => wire.#connect(route))
    return wire
  }

  /** How many frames from the server are held back. */
  get held(): number {
    return this.#held.length
  }

  /** How many confirmations the server owes for what the page has sent on this connection. */
  get owed(): number {
    return this.#owed
  }

  /** How many sockets the page has opened. */
  get lines(): number {
    return this.#lines
  }

  /** Keeps frames of these kinds from the page until they are released. */
  hold(...kinds: Kind[]): void {
    this.#hold = (kind) => kinds.includes(kind)
  }

  /** Ends new connections at once, as where no server listens. */
  refuse(all: boolean): void {
    this.#refuse = all
  }

  /** Gives the page this frame wherever the server sends one of that kind. */
  answer(kind: Kind, frame: Buffer): void {
    this.#answers.set(kind, frame)
  }

  /** Lets held frames through, oldest first. */
  release(count = this.#held.length): void {
    for (const frame of this.#held.splice(0, count)) this.#line?.page.send(frame)
  }

  /** Ends the connection without a word; what is under way in either direction is lost. */
  async cut(): Promise<void> {
    const line = this.#line
    this.#line = null
    this.#held.length = 0
    await line?.page.close({ code: 1011 })
    await line?.server.close()
  }

  /** Lets new connections through, or lets them wait for ever. */
  allow(open: boolean): void {
    this.#open = open
  }

  #connect(page: WebSocketRoute): void {
    this.#lines += 1
    if (this.#refuse) {
      void page.close({ code: 1011 })
      return
    }
    // Without a server behind it the page sees an open socket that never answers.
    if (!this.#open) return
    const line = { page, server: page.connectToServer() }
    this.#line = line
    this.#owed = 0
    line.page.onMessage((message) => {
      if (this.#line !== line) return
      const frame = Buffer.from(message)
      if (kindOf(frame) === 'sync' && bringsText(frame)) this.#owed += 1
      line.server.send(message)
    })
    line.server.onMessage((message) => {
      if (this.#line !== line) return
      const frame = Buffer.from(message)
      const kind = kindOf(frame)
      const instead = this.#answers.get(kind)
      if (instead) line.page.send(instead)
      else if (this.#hold(kind)) this.#held.push(frame)
      else line.page.send(message)
    })
  }
}

/** The frame by which a server refuses a document. */
export function permissionDenied(document: string, reason: string): Buffer {
  return Buffer.concat([text(document), Buffer.of(2, 1), text(reason)])
}

function kindOf(frame: Buffer): Kind {
  const nameLength = frame[0] ?? 0
  return KINDS[frame[1 + nameLength] ?? -1] ?? 'other'
}

/** Whether a sync frame is an update or the answer to a question, not a question. */
function bringsText(frame: Buffer): boolean {
  return frame[2 + (frame[0] ?? 0)] !== 0
}

/** A text with its length before it; short ones are enough here. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length > 127) throw new Error('too long for a test')
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
