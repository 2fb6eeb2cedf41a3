// Deals seeds among worker processes and adds up what they answer.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { oraclePath } from './oracle.mjs'

const worker = fileURLToPath(new URL('./worker.mjs', import.meta.url))
/** WORKERS sets how many processes share the seeds. */
const workers = Number(process.env.WORKERS ?? 2)

/** Runs the seeds from `first`, `count` of them; gives { sums, tally, failures }. */
export async function deal (task, first, count) {
  const env = { ...process.env, INDEX_ORACLE: oraclePath() }
  const answers = await Promise.all(Array.from({ length: workers }, (_, n) => new Promise((resolve, reject) => {
    const child = fork(worker, { env })
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`a worker ended with ${code}`)))
    child.send({ ...task, from: first + n, to: first + count, step: workers })
  })))
  return answers.reduce((all, each) => ({ sums: add(all.sums, each.sums), tally: add(all.tally, each.tally), failures: [...all.failures, ...each.failures] }))
}

function add (left, right) {
  const sum = { ...left }
  for (const [name, value] of Object.entries(right)) {
    sum[name] = typeof value === 'object' ? add(left[name] ?? {}, value) : (left[name] ?? 0) + value
  }
  return sum
}
