/** What a process takes of the machine: CPU of all its threads to the nanosecond, memory. Linux only. */
import { readFileSync, readdirSync } from 'node:fs'

import { pause } from './until.mjs'

const STILL_MS = 30
const STILL_CPU_MS = 0.5

/** One process under observation. */
export class Processor {
  #pid
  /** Threads that ended keep what they took. */
  #threads = new Map()

  constructor (pid) { this.#pid = pid }

  /** Milliseconds of CPU since the process began. */
  milliseconds () {
    for (const thread of readdirSync(`/proc/${this.#pid}/task`)) {
      try {
        const [nanoseconds] = readFileSync(`/proc/${this.#pid}/task/${thread}/schedstat`, 'utf8').split(' ')
        this.#threads.set(thread, Number(nanoseconds))
      } catch { /* It ended meanwhile. */ }
    }
    return [...this.#threads.values()].reduce((sum, value) => sum + value, 0) / 1e6
  }

  /** The same, once it does nothing. */
  async settled () {
    for (;;) {
      const before = this.milliseconds()
      await pause(STILL_MS)
      const now = this.milliseconds()
      if (now - before < STILL_CPU_MS) return now
    }
  }

  /** Bytes of a line of `/proc/<pid>/status`, e.g. `VmRSS`. */
  memory (line = 'VmRSS') {
    const text = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    return Number(text.match(new RegExp(`^${line}:\\s+(\\d+) kB`, 'm'))[1]) * 1024
  }
}
