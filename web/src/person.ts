/** A person as others publish them. It is a stranger's input: nothing of it is believed before it is checked here. */

export interface Person {
  /** Tells tabs of one person together. A claim, good for grouping and for nothing else. */
  readonly id: string
  readonly name: string
  /** The place in the palette, 0 to 7: each reader's theme picks the shade. */
  readonly hue: number
}

export const NAME_LENGTH_MAX = 40

/** The colours that other clients of the document see, by hue. */
const COLORS = ['#0b6b57', '#a3481a', '#3d55b8', '#8a3a86', '#7a5b00', '#b02a55', '#1d6a8a', '#4f6b1c'] as const

export const HUES = COLORS.length

/** Whether somebody's word for a colour is one of the palette's. */
export function isHue(hue: unknown): hue is number {
  return typeof hue === 'number' && Number.isInteger(hue) && hue >= 0 && hue < HUES
}

/** Cuts a name to its length, without control characters and runs of spaces. */
export function cleanName(name: unknown): string {
  if (typeof name !== 'string') return ''
  // A long name is cut before it is looked at, and again after, by characters and not by halves of them.
  const plain = name
    .slice(0, 4 * NAME_LENGTH_MAX)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return Array.from(plain).slice(0, NAME_LENGTH_MAX).join('').trim()
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

/** Reads somebody's published state; whoever publishes nothing readable is "Somebody". */
export function personOf(state: unknown, clientId: number): Person {
  const user = record(record(state)?.['user']) ?? {}
  const hue = user['hue']
  const id = user['id']
  return {
    id: typeof id === 'string' && id !== '' ? id.slice(0, 80) : `client-${clientId}`,
    name: cleanName(user['name']) || 'Somebody',
    hue: isHue(hue) ? hue : Math.abs(clientId) % HUES,
  }
}

/** What we publish: `color` for other clients, `hue` for this page. */
export function published(person: Person): Person & { color: string } {
  return { ...person, color: COLORS[person.hue] ?? COLORS[0] }
}

/** Whether a published caret can be drawn without surprising the editor. */
export function hasCaret(state: unknown): boolean {
  const user = record(state)?.['user']
  const cursor = record(record(state)?.['cursor'])
  if (cursor === null) return false
  if (user !== undefined && user !== null && record(user) === null) return false
  return isPosition(cursor['anchor']) && isPosition(cursor['head'])
}

function isPosition(value: unknown): boolean {
  const position = record(value)
  if (position === null) return false
  const idOk = (id: unknown) => {
    if (id === undefined || id === null) return true
    const parts = record(id)
    return parts !== null && isCount(parts['client']) && isCount(parts['clock'])
  }
  const { tname, assoc } = position
  return (
    idOk(position['type']) &&
    idOk(position['item']) &&
    (tname === undefined || tname === null || typeof tname === 'string') &&
    (assoc === undefined || assoc === null || typeof assoc === 'number')
  )
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Up to two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(' ').filter((word) => word !== '')
  const first = Array.from(words[0] ?? '?')[0] ?? '?'
  const last = words.length > 1 ? (Array.from(words.at(-1) ?? '')[0] ?? '') : ''
  return (first + last).toUpperCase()
}
