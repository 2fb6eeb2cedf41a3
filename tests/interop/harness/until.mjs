/**
 * Waits for a fact, never for time: the fact is asked again each time that something it may depend on changes.
 *
 * The deadline only bounds how long a failing test takes; its error says what was awaited and how things stood.
 */
import { EventEmitter } from 'node:events'

/** How long a test waits before it fails, in milliseconds, unless told otherwise. */
export const patience = Number(process.env.TANDEM_PATIENCE_MS ?? 20_000)

/** @typedef {EventEmitter & { describe(): string }} Subject a thing that emits `change` and can say how it stands */

/**
 * Resolves with the first truthy value of `fact`, which is asked at once and after every change of the subjects.
 *
 * @template T
 * @param {string} what the fact as a sentence, for the error
 * @param {Subject | Subject[]} subjects
 * @param {() => T} fact
 * @param {number} [milliseconds]
 * @returns {Promise<T>}
 */
export const until = (what, subjects, fact, milliseconds = patience) => {
  const all = [subjects].flat()
  return new Promise((resolve, reject) => {
    let asked = null
    const settle = (finish, value) => {
      clearTimeout(deadline)
      clearImmediate(asked)
      for (const subject of all) subject.off('change', changed)
      finish(value)
    }
    const ask = () => {
      asked = null
      try {
        const value = fact()
        if (value) settle(resolve, value)
      } catch (error) {
        settle(reject, error)
      }
    }
    // Many changes in one turn of the loop are asked about once.
    const changed = () => { asked ??= setImmediate(ask) }
    const deadline = setTimeout(() => {
      const standing = all.map((subject) => `  ${subject.describe()}`).join('\n')
      settle(reject, new Error(`not within ${milliseconds} ms: ${what}\n${standing}`))
    }, milliseconds)
    for (const subject of all) subject.on('change', changed)
    ask()
  })
}

/**
 * Asserts that a fact holds for a whole stretch of time: the only honest way to show that something does not happen.
 *
 * @param {string} what
 * @param {Subject | Subject[]} subjects
 * @param {() => boolean} fact
 * @param {number} milliseconds
 */
export const throughout = async (what, subjects, fact, milliseconds) => {
  const never = until(what, subjects, () => !fact(), milliseconds)
  const broken = await never.then(() => true, (error) => {
    if (!/^not within/.test(error.message)) throw error
    return false
  })
  if (broken) throw new Error(`did not hold for ${milliseconds} ms: ${what}\n${[subjects].flat().map((s) => `  ${s.describe()}`).join('\n')}`)
}

/**
 * Asks for what tells nobody that it changes, such as a metric, again and again until it is so or the time is over: what is
 * asserted behind it says which.
 *
 * @param {() => boolean | Promise<boolean>} fact
 * @param {number} [milliseconds]
 */
export const polled = async (fact, milliseconds = patience) => {
  const last = performance.now() + milliseconds
  while (!await fact() && performance.now() < last) await pause(10)
}

/** Resolves after so many milliseconds. For the moment of a fault and for retries of a refused port, never for a result. */
export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds) })

/** Lets the event loop turn once, so that sockets may read and write. */
export const turn = () => new Promise((resolve) => { setImmediate(resolve) })
