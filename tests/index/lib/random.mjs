// Seeded randomness: the same seed gives the same history, and the same plan is tried again by its number.
export function random (seed) {
  let state = (seed * 2654435761) >>> 0
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = n => Math.floor(next() * n)
  return { next, below, chance: p => next() < p, pick: list => list[below(list.length)] }
}
