/** The bar under the header, which says what happened, what is safe, and what can be done; or a page of its own. */
import { isShutOut, type ShutOut, type Trouble } from './connection'

export interface Acts {
  readonly again: () => void
  readonly guest: () => void
  readonly takeBack: () => void
  readonly fresh: () => void
}

interface Notice {
  readonly tone: 'warn' | 'bad'
  readonly what: string
  readonly safe: string
  readonly button: string
  readonly act: keyof Acts
}

const NOTICES: Record<Trouble | 'offline', Notice> = {
  offline: {
    tone: 'warn',
    what: 'No connection to the server.',
    safe: 'Keep writing: it stays in this window and is sent when the connection is back.',
    button: 'Try now',
    act: 'again',
  },
  'token-broken': {
    tone: 'bad',
    what: 'The server does not know your access.',
    safe: 'The text is still here to copy. Open the document again from where you got its link.',
    button: 'Try again',
    act: 'again',
  },
  'bad-name': {
    tone: 'bad',
    what: 'A document cannot have this name.',
    safe: 'The text is still here to copy.',
    button: 'Start a new one',
    act: 'fresh',
  },
  quarantined: {
    tone: 'bad',
    what: 'The server cannot read what it has stored of this document.',
    safe: 'Nothing is overwritten. The text is still here to copy; whoever runs the server has to look.',
    button: 'Try again',
    act: 'again',
  },
  denied: {
    tone: 'bad',
    what: 'You no longer have access.',
    safe: 'The text is still here to copy. What was not saved exists in this window only.',
    button: 'Try again',
    act: 'again',
  },
  'token-ended': {
    tone: 'bad',
    what: 'Your access has ended.',
    safe: 'The text is still here to copy. Open the document again from where you got its link.',
    button: 'Come in as a guest',
    act: 'guest',
  },
  'guests-off': {
    tone: 'bad',
    what: 'This server takes no guests.',
    safe: 'The text is still here to copy. What was not saved exists in this window only.',
    button: 'Try again',
    act: 'again',
  },
  'too-large': {
    tone: 'bad',
    what: 'The last change is too large for this server, so it is not saved.',
    safe: 'Everything before it is. Undo it to go on.',
    button: 'Undo it',
    act: 'takeBack',
  },
  deleted: {
    tone: 'bad',
    what: 'This document was deleted.',
    safe: 'Its text stays in this window until you close it, and is not saved.',
    button: 'Start a new one',
    act: 'fresh',
  },
  refused: {
    tone: 'warn',
    what: 'The server refused a change.',
    safe: 'It is kept in this window and is not saved.',
    button: 'Send it again',
    act: 'again',
  },
  closed: {
    tone: 'warn',
    what: 'The server has set this document aside.',
    safe: 'Keep writing: it stays in this window, and the server is asked again shortly.',
    button: 'Ask now',
    act: 'again',
  },
}

/** What a page of its own says: why there is no document, and what can be done, the likeliest first. */
interface Wall {
  readonly heading: string
  readonly why: string
  readonly acts: readonly (keyof typeof WAYS)[]
}

const WAYS = { again: 'Try again', guest: 'Come in as a guest', fresh: 'Start a new document' } as const
const CLOSED_TO_YOU = 'You can’t open this document'

const WALLS: Record<ShutOut, Wall> = {
  denied: {
    heading: CLOSED_TO_YOU,
    why: 'It may not exist, or your access does not include it. Whoever shared it can give you access.',
    acts: ['again', 'guest'],
  },
  'token-broken': {
    heading: CLOSED_TO_YOU,
    why: 'The access in your link cannot be read: a part of it may be missing. Open the whole link again, as it was given to you.',
    acts: ['guest'],
  },
  'token-ended': {
    heading: CLOSED_TO_YOU,
    why: 'The access that came with your link has ended. Open the document again from where you got it.',
    acts: ['guest'],
  },
  'guests-off': {
    heading: CLOSED_TO_YOU,
    why: 'This server takes no guests. Sign in with the application that you use it with, and open the document from there.',
    acts: ['again'],
  },
  'bad-name': {
    heading: 'A document can’t have this name',
    why: 'A name has at most 255 bytes and no control characters. The link may be damaged.',
    acts: ['fresh'],
  },
  quarantined: {
    heading: 'This document can’t be read',
    why: 'What the server has stored of it is damaged. It is kept as it is until somebody who runs the server has looked.',
    acts: ['again', 'fresh'],
  },
}

/** What is to be shown, and what the words depend on. */
export interface Situation {
  readonly trouble: Trouble | 'offline' | null
  /** Whether any text was ever seen. */
  readonly everJoined: boolean
  readonly document: string
  /** Whether the address brought the token, so that a guest would be somebody else. */
  readonly hasOwnToken: boolean
}

interface Parts {
  readonly bar: HTMLElement
  readonly page: HTMLElement
  readonly content: readonly HTMLElement[]
}

export class Notices {
  readonly #parts: Parts
  readonly #acts: Acts
  #shown = ''

  constructor(parts: Parts, acts: Acts) {
    this.#parts = parts
    this.#acts = acts
    // What sticks under the bar has to know how high it is; its words may take several lines.
    new ResizeObserver(() => {
      document.documentElement.style.setProperty('--notice', `${parts.bar.offsetHeight}px`)
    }).observe(parts.bar)
  }

  /** Shows a trouble, or none. Before any text was seen, a refusal is a page of its own, not an empty sheet. */
  show(situation: Situation): void {
    const { trouble, everJoined, hasOwnToken } = situation
    const key = `${trouble} ${everJoined} ${hasOwnToken}`
    if (key === this.#shown) return
    this.#shown = key
    const wall = !everJoined && isShutOut(trouble)
    for (const element of this.#parts.content) element.hidden = wall
    this.#parts.page.hidden = !wall
    this.#parts.bar.hidden = trouble === null || wall
    if (wall) this.#fillPage(WALLS[trouble], situation)
    else if (trouble !== null) this.#fillBar(NOTICES[trouble])
  }

  #fillBar(notice: Notice): void {
    const { bar } = this.#parts
    bar.dataset['tone'] = notice.tone
    const words = element('p', '', element('strong', notice.what), ` ${notice.safe}`)
    bar.replaceChildren(words, this.#button(notice.button, notice.act, 'quiet'))
  }

  #fillPage(wall: Wall, { document, hasOwnToken }: Situation): void {
    const acts = wall.acts.filter((act) => act !== 'guest' || hasOwnToken)
    this.#parts.page.replaceChildren(
      element('h2', wall.heading),
      element('p', '', element('code', document)),
      element('p', wall.why),
      element('p', '', ...acts.map((act, at) => this.#button(WAYS[act], act, at === 0 ? 'primary' : 'quiet'))),
    )
  }

  #button(text: string, act: keyof Acts, look: string): HTMLButtonElement {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = look
    button.textContent = text
    button.addEventListener('click', () => this.#acts[act]())
    return button
  }
}

function element(tag: string, text: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag)
  if (text !== '') made.append(text)
  made.append(...children)
  return made
}
