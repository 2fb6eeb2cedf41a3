/** Who is here: initials in the bar, and a list with the way to each caret. */
import type { Awareness } from 'y-protocols/awareness'
import { goToCaret } from './carets'
import { HUES, hasCaret, initials, NAME_LENGTH_MAX, type Person, personOf } from './person'

/** One person, however many tabs. */
interface Present extends Person {
  readonly you: boolean
  /** The client ids whose carets are in the text. */
  readonly carets: readonly number[]
}

const SHOWN_WIDE = 5
const SHOWN_NARROW = 3

/** Everybody present, you first, then by name. */
export function present(states: ReadonlyMap<number, unknown>, me: number): Present[] {
  const byKey = new Map<string, Present>()
  const ids = [...states.keys()].sort((a, b) => Number(b === me) - Number(a === me) || a - b)
  for (const id of ids) {
    const state = states.get(id)
    const person = personOf(state, id)
    const key = JSON.stringify([person.id, person.name, person.hue])
    const known = byKey.get(key)
    const carets = id !== me && hasCaret(state) ? [id] : []
    byKey.set(key, {
      ...(known ?? { ...person, you: id === me }),
      carets: [...(known?.carets ?? []), ...carets],
    })
  }
  const byName = (a: Present, b: Present) =>
    Number(b.you) - Number(a.you) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id)
  return [...byKey.values()].sort(byName)
}

/**
 * The colour to take so that no two people here look alike, or null if ours is fine: whoever came with the greater
 * client id gives way, while there is a colour that nobody has. The tabs of one person go by the one with the least.
 */
export function freeHue(states: ReadonlyMap<number, unknown>, me: number): number | null {
  const own = personOf(states.get(me), me)
  const first = new Map<string, { hue: number; id: number }>()
  for (const [id, state] of states) {
    const person = personOf(state, id)
    const known = first.get(person.id)
    if (known === undefined || id < known.id) first.set(person.id, { hue: person.hue, id })
  }
  const lead = first.get(own.id)
  if (lead !== undefined && lead.id !== me) return lead.hue === own.hue ? null : lead.hue
  const others = [...first].filter(([id]) => id !== own.id).map(([, other]) => other)
  if (!others.some(({ hue, id }) => hue === own.hue && id < me)) return null
  const taken = new Set(others.map(({ hue }) => hue))
  for (let step = 1; step < HUES; step += 1) {
    const hue = (own.hue + step) % HUES
    if (!taken.has(hue)) return hue
  }
  return null
}

interface Parts {
  readonly button: HTMLButtonElement
  readonly list: HTMLElement
  readonly popover: HTMLElement
  readonly name: HTMLInputElement
}

interface Acts {
  readonly rename: (name: string) => void
  /** Takes another colour here. */
  readonly recolour: (hue: number) => void
}

export function createPeople(parts: Parts, awareness: Awareness, { rename, recolour }: Acts): void {
  const { button, list, popover, name } = parts
  let drawn = ''
  const draw = () => {
    const people = present(awareness.getStates(), awareness.clientID)
    // Carets move at every key; the faces do not.
    const next = JSON.stringify(people)
    if (next === drawn) return
    drawn = next
    drawFaces(button, people)
    if (popover.matches(':popover-open')) drawList(list, people, popover)
    const free = freeHue(awareness.getStates(), awareness.clientID)
    if (free !== null) recolour(free)
  }
  awareness.on('change', draw)
  popover.addEventListener('toggle', (event) => {
    const open = (event as ToggleEvent).newState === 'open'
    button.setAttribute('aria-expanded', String(open))
    if (!open) return
    const people = present(awareness.getStates(), awareness.clientID)
    name.value = people.find((person) => person.you)?.name ?? ''
    drawList(list, people, popover)
  })
  name.maxLength = NAME_LENGTH_MAX
  name.addEventListener('change', () => rename(name.value))
  name.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.isComposing) popover.hidePopover()
  })
  draw()
}

function drawFaces(button: HTMLButtonElement, people: readonly Present[]): void {
  const faces = people.slice(0, SHOWN_WIDE).map((person, at) => {
    const element = face(person)
    if (at >= SHOWN_NARROW) element.classList.add('wide')
    return element
  })
  const more = [
    [people.length - SHOWN_WIDE, 'wide'],
    [people.length - SHOWN_NARROW, 'narrow'],
  ] as const
  const counts = more
    .filter(([count]) => count > 0)
    .map(([count, width]) => {
      const element = document.createElement('span')
      element.className = `face more ${width}`
      element.textContent = `+${count}`
      return element
    })
  const words = document.createElement('span')
  words.className = 'unseen'
  words.textContent = people.length === 1 ? 'Only you are here' : `${people.length} people are here`
  for (const element of [...faces, ...counts]) element.setAttribute('aria-hidden', 'true')
  button.replaceChildren(words, ...faces, ...counts)
}

function drawList(list: HTMLElement, people: readonly Present[], popover: HTMLElement): void {
  const others = people.filter((person) => !person.you)
  list.replaceChildren(...others.map((person) => row(person, popover)))
  list.hidden = others.length === 0
}

function row(person: Present, popover: HTMLElement): HTMLElement {
  const element = document.createElement('li')
  const name = document.createElement('span')
  name.className = 'person-name'
  name.textContent = person.name
  element.append(face(person), name)
  if (person.carets.length > 0) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'quiet'
    button.textContent = 'Go to'
    button.setAttribute('aria-label', `Go to ${person.name}`)
    button.addEventListener('click', () => {
      popover.hidePopover()
      person.carets.some(goToCaret)
    })
    element.append(button)
  }
  return element
}

/** The round sign of a person. */
export function face(person: Person): HTMLElement {
  const element = document.createElement('span')
  element.className = `face p${person.hue}`
  element.title = person.name
  element.textContent = initials(person.name)
  return element
}
