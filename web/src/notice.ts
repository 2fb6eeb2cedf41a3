/** The bar under the header, which says what happened, what is safe, and what can be done; or a page of its own. */
import type { Trouble } from './connection'

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
    button: 'Try again',
    act: 'again',
  },
  'guests-off': {
    tone: 'bad',
    what: 'This server no longer takes guests.',
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
  }

  /** Shows a trouble, or none. Before any text was seen, a refusal is a page of its own, not an empty sheet. */
  show(trouble: Trouble | 'offline' | null, everJoined: boolean, document: string): void {
    const key = `${trouble} ${everJoined}`
    if (key === this.#shown) return
    this.#shown = key
    const wall = !everJoined && (trouble === 'denied' || trouble === 'token-ended' || trouble === 'guests-off')
    for (const element of this.#parts.content) element.hidden = wall
    this.#parts.page.hidden = !wall
    this.#parts.bar.hidden = trouble === null || wall
    if (wall) this.#fillPage(trouble, document)
    else if (trouble !== null) this.#fillBar(NOTICES[trouble])
  }

  #fillBar(notice: Notice): void {
    const { bar } = this.#parts
    bar.dataset['tone'] = notice.tone
    const words = element('p', '', element('strong', notice.what), ` ${notice.safe}`)
    bar.replaceChildren(words, this.#button(notice.button, notice.act, 'quiet'))
  }

  #fillPage(trouble: 'denied' | 'token-ended' | 'guests-off', name: string): void {
    const why = {
      denied: 'It may not exist, or your access does not include it. Whoever shared it can give you access.',
      'token-ended': 'The access that came with your link has ended. Open the document again from where you got it.',
      'guests-off': 'This server takes no guests. Sign in with the application that you use it with, and open the document from there.',
    }[trouble]
    this.#parts.page.replaceChildren(
      element('h2', 'You can’t open this document'),
      element('p', '', element('code', name)),
      element('p', why),
      element(
        'p',
        '',
        this.#button('Try again', 'again', 'primary'),
        ...(trouble === 'token-ended' ? [' ', this.#button('Come in as a guest', 'guest', 'quiet')] : []),
      ),
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
