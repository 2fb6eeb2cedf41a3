/** Small things that this browser remembers. Storage that is switched off is a storage that forgets. */

const PREFIX = 'tandem:'

export function recall(area: 'local' | 'session', key: string): unknown {
  try {
    const text = (area === 'local' ? localStorage : sessionStorage).getItem(PREFIX + key)
    return text === null ? null : JSON.parse(text)
  } catch {
    return null
  }
}

/** Keeps a value; `null` forgets it. */
export function keep(area: 'local' | 'session', key: string, value: unknown): void {
  try {
    const storage = area === 'local' ? localStorage : sessionStorage
    if (value === null) storage.removeItem(PREFIX + key)
    else storage.setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Full, or forbidden: the page works without.
  }
}
