/**
 * Runs the test files, two at a time, the long ones first, and hands on the runner's own closing lines.
 *
 * `node run.mjs presence trace` runs only the files named.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const longest = ['durability', 'refusals', 'trace', 'presence', 'limits', 'failures', 'hostile', 'strangers']
const rank = (file) => {
  const at = longest.indexOf(file.replace('.test.mjs', ''))
  return at < 0 ? longest.length : at
}
const named = process.argv.slice(2).map((name) => `${name}.test.mjs`)
const files = readdirSync(here)
  .filter((file) => file.endsWith('.test.mjs') && (named.length === 0 || named.includes(file)))
  .sort((one, other) => rank(one) - rank(other))

const major = Number(process.versions.node.split('.')[0])
if (major < 22) {
  console.error(`Node ${process.versions.node} is too old: run it as \`make test-interop\`, which uses the pinned one`)
  process.exit(1)
}
const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-concurrency=2', '--test-force-exit', `--test-timeout=${process.env.ATTACK_COST || process.env.ATTACK_LONG ? 3_600_000 : 420_000}`, '--test-reporter=spec']
const { status } = spawnSync(process.execPath, [...flags, ...files], { cwd: here, stdio: 'inherit' })
process.exit(status ?? 1)
