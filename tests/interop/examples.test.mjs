// The examples do what their READMEs say, with the packages that they pin.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { fresh, suite } from './harness/suite.mjs'
import { until } from './harness/until.mjs'

const context = suite()
const examples = resolve(fileURLToPath(import.meta.url), '../../../examples')

/** A program of Node, and what it says. */
class Program extends EventEmitter {
  output = ''

  constructor (args, { cwd, env = {} }) {
    super()
    this.process = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (bytes) => {
        this.output += bytes
        this.emit('change')
      })
    }
    this.process.on('exit', (code) => {
      this.code = code
      this.emit('change')
    })
  }

  describe () { return `program, exit ${this.code}: ${this.output}` }
  says (text) { return until(`it says ${text}`, this, () => this.output.includes(text)) }
  type (line) { this.process.stdin.write(`${line}\n`) }
  destroy () { this.process.kill() }
}

/** One run of the notebook. */
class Notebook extends Program {
  constructor (name, url) {
    super(['notes.mjs', name], { cwd: join(examples, 'node-y-websocket'), env: { TANDEM_URL: url } })
  }
}

test("the README's two examples run as they stand, and share one document", async () => {
  const readme = readFileSync(resolve(examples, '../README.md'), 'utf8')
  const snippets = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code)
  assert.equal(snippets.length, 2)
  const server = await context.company.server()
  const runs = snippets.map((code) => {
    const here = code.replaceAll('127.0.0.1:8080', server.http.replace('http://', ''))
    return context.company.keep(new Program(['--input-type=module', '-e', here], { cwd: import.meta.dirname }))
  })
  for (const run of runs) {
    await until("both people's words are there", run, () => run.output.split('\n').includes('hello hello '))
  }
})

test('the notebook in the terminal is shared, and is still there afterwards', async () => {
  const name = fresh('notebook')
  const [one, two] = [1, 2].map(() => context.company.keep(new Notebook(name, context.server.http)))
  await Promise.all([one.says('0 notes'), two.says('0 notes')])
  one.type('milk')
  await two.says('* milk')
  two.type('bread')
  await one.says('* bread')
  one.process.stdin.end()
  await until('it ends by itself', one, () => one.code === 0)
  const three = context.company.keep(new Notebook(name, context.server.http))
  await three.says('2 notes')
})

test('the notebook outlives its server: what was typed before, meanwhile and after is there for everybody', async () => {
  const name = fresh('notebook')
  const server = await context.company.server()
  const [one, two] = [1, 2].map(() => context.company.keep(new Notebook(name, server.http)))
  await Promise.all([one.says('0 notes'), two.says('0 notes')])
  one.type('before')
  await two.says('* before')
  await server.kill()
  one.type('meanwhile')
  await one.says('* meanwhile')
  await server.begin()
  await two.says('* meanwhile')
  two.type('after')
  await one.says('* after')
  await server.restart()
  const three = context.company.keep(new Notebook(name, server.http))
  await three.says('3 notes')
  for (const word of ['before', 'meanwhile', 'after']) assert.ok(three.output.includes(`* ${word}`), three.describe())
})

for (const example of ['tiptap-hocuspocus', 'codemirror-y-websocket', 'whiteboard-hocuspocus']) {
  test(`the example ${example} builds`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-example-'))
    try {
      const vite = join(examples, example, 'node_modules/vite/bin/vite.js')
      await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', folder, '--emptyOutDir'], { cwd: join(examples, example) })
      assert.match(readFileSync(join(folder, 'index.html'), 'utf8'), /<script type="module"/)
      assert.ok(readdirSync(join(folder, 'assets')).some((file) => file.endsWith('.js')))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test('the examples pin the versions that the tests use', () => {
  const read = (file) => JSON.parse(readFileSync(file, 'utf8'))
  const { devDependencies: tested } = read(fileURLToPath(new URL('package.json', import.meta.url)))
  for (const example of readdirSync(examples)) {
    for (const [name, version] of Object.entries(read(join(examples, example, 'package.json')).dependencies)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${example}: ${name} is not pinned`)
      if (name in tested) assert.equal(version, tested[name], `${example}: ${name}`)
    }
  }
})
