/** Says what a run came to; with `TANDEM_BLESS=1` docs/RELIABILITY.md says it too, between the marks of that name. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Cargo puts what it builds into a folder of its profile's name. */
const profile = /[\\/](debug|release|dist)[\\/][^\\/]*$/.exec(process.env.TANDEM_BIN ?? '')?.[1] ?? 'debug'

const document = resolve(fileURLToPath(import.meta.url), '../../../../docs/RELIABILITY.md')

/**
 * @param {string} name whose marks
 * @param {string} command how it is run
 * @param {string} text Markdown
 */
export const report = (name, command, text) => {
  console.log(text)
  if (!process.env.TANDEM_BLESS) return
  const page = readFileSync(document, 'utf8')
  const begin = `<!-- ${name}: begin; written by its command with TANDEM_BLESS=1 -->\n`
  const end = `<!-- ${name}: end -->`
  const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  if (from < begin.length || to < from) throw new Error(`docs/RELIABILITY.md has no marks of ${name}`)
  const where = `\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores that were shared with other work, ${profile} build.`
  writeFileSync(document, `${page.slice(0, from)}${text}\n\n${where}\n${page.slice(to)}`)
}
