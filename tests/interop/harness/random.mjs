/** Seeded randomness: a failing run is repeated with `TANDEM_SEED`. */

/** The seed of this run, printed by the tests that draw from it. */
export const seed = Number(process.env.TANDEM_SEED ?? 20_260_101)

/**
 * A small generator (mulberry32) that gives the same numbers for the same seed.
 *
 * @param {number} from
 */
export const random = (from = seed) => {
  let state = from >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    /** A number from 0 up to 1. */
    next,
    /** A whole number from 0 up to `bound`, which is not reached. */
    below: (bound) => Math.floor(next() * bound),
    /** One element of a list. */
    pick: (list) => list[Math.floor(next() * list.length)]
  }
}

/**
 * Text that does not compress into nothing, of exactly so many ASCII letters.
 *
 * @param {number} length
 * @param {number} [from]
 */
export const letters = (length, from = seed) => {
  const draw = random(from)
  const block = Array.from({ length: 4096 }, () => String.fromCharCode(97 + draw.below(26))).join('')
  return block.repeat(Math.ceil(length / block.length)).slice(0, length)
}
