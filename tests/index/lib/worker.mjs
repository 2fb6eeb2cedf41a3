// One of the processes among which the seeds are dealt: takes { kind, from, to, step }, sends counts and failures.
import { check } from './check.mjs'
import { Oracle } from './oracle.mjs'
import { session, tallies } from './twin.mjs'

const failuresMax = 5

process.on('message', async ({ kind, from, to, step, updates }) => {
  const oracle = new Oracle()
  const sums = {}
  const tally = tallies()
  const failures = []
  for (let seed = from; seed < to && failures.length < failuresMax; seed += step) {
    try {
      const counts = kind === 'histories' ? await check(oracle, seed) : await session(oracle, seed, updates, tally)
      for (const [name, count] of Object.entries(counts ?? {})) sums[name] = (sums[name] ?? 0) + count
    } catch (error) {
      failures.push(`seed ${seed}: ${error.message.slice(0, 3000)}`)
    }
  }
  oracle.close()
  process.send({ sums, tally, failures }, () => process.disconnect())
})
