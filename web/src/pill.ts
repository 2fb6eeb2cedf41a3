/** The pill: one word and one shape for what is happening to the text. */
import type { State } from './state'

const WORDS: Record<State, string> = {
  connecting: 'Connecting',
  saving: 'Saving…',
  saved: 'Saved',
  offline: 'Offline, kept here',
  unsaved: 'Not saved yet',
  'no-access': 'No access',
  deleted: 'Deleted',
  'too-large': 'Too large',
  readonly: 'Can read',
}

const HINTS: Record<State, string> = {
  connecting: 'Opening the document on the server.',
  saving: 'The server has not confirmed the last change yet.',
  saved: 'The server has stored everything that is written here.',
  offline: 'There is no connection. What you write stays in this window until there is one. Click to try now.',
  unsaved: 'The server has not stored the last change. It stays in this window.',
  'no-access': 'The server does not let you in.',
  deleted: 'This document was deleted. Its text stays in this window until you close it.',
  'too-large': 'The last change is larger than the server takes.',
  readonly: 'You can read this document, but not change it.',
}

/** "Saved" is said again only after it has been true for this long, so that it does not flicker with each key. */
const SETTLE_MS = 400

/**
 * Shows one state. Whatever is worse than "saved" shows at once; "saved" waits for a moment of quiet.
 * A screen reader hears of trouble and of its end, not of every pause in typing.
 */
export class Pill {
  readonly #pill: HTMLElement
  readonly #word: HTMLElement
  readonly #voice: HTMLElement
  #timer: ReturnType<typeof setTimeout> | undefined
  #wanted: State = 'connecting'
  #said: State = 'connecting'

  constructor(pill: HTMLElement, voice: HTMLElement, retry: () => void) {
    this.#pill = pill
    this.#word = pill.querySelector('.word') ?? pill
    this.#voice = voice
    pill.addEventListener('click', () => {
      if (this.#wanted === 'offline' || this.#wanted === 'unsaved') retry()
    })
    this.#show('connecting')
  }

  set(state: State): void {
    if (state === this.#wanted) return
    const settles = state === 'saved' && this.#wanted === 'saving'
    this.#wanted = state
    clearTimeout(this.#timer)
    if (settles) this.#timer = setTimeout(() => this.#show(state), SETTLE_MS)
    else this.#show(state)
  }

  #show(state: State): void {
    this.#pill.dataset['state'] = state
    this.#pill.title = HINTS[state]
    if (this.#word.textContent !== WORDS[state]) this.#word.textContent = WORDS[state]
    if (state === 'saving' || state === this.#said) return
    this.#said = state
    this.#voice.textContent = WORDS[state]
  }
}
