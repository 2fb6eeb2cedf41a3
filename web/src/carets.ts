/**
 * The carets and selections of the others, without inline styles: a class picks the colour, so that each
 * reader's theme picks the shade.
 */
import { Extension } from '@tiptap/core'
import { yCursorPlugin } from '@tiptap/y-tiptap'
import type { Awareness } from 'y-protocols/awareness'
import { hasCaret, personOf } from './person'

/** How long a name stays beside a caret that does not move. */
const NAME_MS = 3_000

type Changes = { added: number[]; updated: number[]; removed: number[] }

/** Draws the carets of everybody else in a document. */
export function carets(awareness: Awareness): Extension<{ awareness: Awareness }> {
  const names = new MovingNames(awareness)
  return Extension.create({
    name: 'carets',
    addOptions: () => ({ awareness }),
    addProseMirrorPlugins() {
      return [
        yCursorPlugin(awareness, {
          awarenessStateFilter: (me: number, them: number, state: unknown) => me !== them && hasCaret(state),
          cursorBuilder: (_user: unknown, clientId: number) => names.build(clientId),
          selectionBuilder: (_user: unknown, clientId: number) => ({
            class: `sel p${personOf(awareness.getStates().get(clientId), clientId).hue}`,
          }),
        }),
      ]
    },
  })
}

/** Brings the caret of somebody into view; false when it is nowhere in the text. */
export function goToCaret(clientId: number): boolean {
  const caret = document.querySelector(`.caret[data-client="${clientId}"]`)
  caret?.scrollIntoView({ block: 'center', behavior: calm() ? 'auto' : 'smooth' })
  return caret !== null
}

function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** Shows a name while its caret moves, and a dot when it rests: a lasting label would cover the line above. */
class MovingNames {
  readonly #awareness: Awareness
  readonly #places = new Map<number, string>()
  readonly #elements = new Map<number, HTMLElement>()
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>()

  constructor(awareness: Awareness) {
    this.#awareness = awareness
    awareness.on('change', ({ added, updated, removed }: Changes) => {
      for (const id of [...added, ...updated]) this.#moved(id)
      for (const id of removed) this.#left(id)
    })
  }

  build(clientId: number): HTMLElement {
    const person = personOf(this.#awareness.getStates().get(clientId), clientId)
    const caret = document.createElement('span')
    caret.className = `caret p${person.hue}`
    caret.dataset['client'] = String(clientId)
    caret.setAttribute('aria-hidden', 'true')
    const name = document.createElement('span')
    name.className = 'caret-name'
    name.textContent = person.name
    caret.append(name)
    caret.classList.toggle('resting', !this.#timers.has(clientId))
    this.#elements.set(clientId, caret)
    requestAnimationFrame(() => keepInside(caret, name))
    return caret
  }

  #moved(clientId: number): void {
    const state: unknown = this.#awareness.getStates().get(clientId)
    const place = hasCaret(state) ? JSON.stringify((state as { cursor: unknown }).cursor) : ''
    if (this.#places.get(clientId) === place) return
    this.#places.set(clientId, place)
    clearTimeout(this.#timers.get(clientId))
    this.#timers.set(
      clientId,
      setTimeout(() => this.#rest(clientId), NAME_MS),
    )
    const caret = this.#elements.get(clientId)
    const name = caret?.querySelector<HTMLElement>('.caret-name')
    if (!caret || !name) return
    caret.classList.remove('resting')
    name.textContent = personOf(state, clientId).name
    requestAnimationFrame(() => keepInside(caret, name))
  }

  #rest(clientId: number): void {
    this.#timers.delete(clientId)
    this.#elements.get(clientId)?.classList.add('resting')
  }

  #left(clientId: number): void {
    clearTimeout(this.#timers.get(clientId))
    for (const map of [this.#places, this.#elements, this.#timers]) map.delete(clientId)
  }
}

/** Turns a label to the left where it would leave the sheet on the right, and below where it would leave the top. */
function keepInside(caret: HTMLElement, name: HTMLElement): void {
  const sheet = caret.closest('.sheet')
  if (sheet === null) return
  const at = caret.getBoundingClientRect()
  const room = sheet.getBoundingClientRect()
  caret.classList.toggle('leftward', at.left + name.offsetWidth > room.right - 8)
  caret.classList.toggle('below', at.top - name.offsetHeight < room.top)
}
