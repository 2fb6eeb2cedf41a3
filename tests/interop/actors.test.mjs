// Every live actor is made to panic in turn, under load: what happens then is the table of docs/ARCHITECTURE.md.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { coldLoad, converge, convergeForGood } from './harness/converge.mjs'
import { kinds } from './harness/clients.mjs'
import { Company, Server, fresh } from './harness/suite.mjs'
import { pause, until } from './harness/until.mjs'

const ARCHITECTURE = fileURLToPath(new URL('../../docs/ARCHITECTURE.md', import.meta.url))
const BEGIN = '<!-- failures: begin; written by `TANDEM_BLESS=1 make test-interop INTEROP=actors` -->'
const END = '<!-- failures: end -->'

/** Times that the table may promise, in seconds: the smallest that leaves a slow machine room. */
const PROMISES = [2, 5, 10]
const EVERY_MS = 50

/** Where each kind panics, and under which name it is counted. `of`: the place takes the name of the one that is meant. */
const places = {
  Journal: { place: 'journal::handle', counted: 'journal' },
  Rooms: { place: 'rooms::handle', counted: 'rooms' },
  Keeper: { place: 'keeper::handle', counted: 'keeper', restarter: 'Rooms' },
  Room: { place: 'room::apply', counted: 'room', of: true },
  Sessions: { place: 'sessions::handle', counted: 'sessions' },
  Session: { place: 'session::frame', counted: 'session', of: true },
  Jobs: { place: 'jobs::handle', counted: 'jobs' },
  Job: { place: 'compaction::before-install', counted: 'job' }
}

/** The supervisor that logged the end. */
const restarters = { root: 'Root', rooms: 'Rooms, when a session joins', sessions: 'nobody; Sessions counts it', jobs: 'nobody; Jobs counts it, and its room asks again' }

const retried = async (what, ask) => {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const answer = await ask()
    if (answer) return answer
    await pause(10)
  }
  throw new Error(`not within 10 s: ${what}`)
}

/** Somebody who writes without a pause, and knows what was written. */
class Writer {
  written = []
  #timer = null

  constructor (client) { this.client = client }

  start () { this.#timer = setInterval(() => this.write(`${this.client.who}-${this.written.length}`), EVERY_MS) }
  stop () { clearInterval(this.#timer) }

  write (mark) {
    this.written.push(mark)
    const edit = () => this.client.doc.getArray('list').push([mark])
    if (this.client.write) this.client.write(mark, edit)
    else edit()
    return mark
  }
}

/** A document of so many characters is large: its room has an actor of its own. */
const LARGE = 300_000

/** Documents and a few people at work on each: two are small, keepers tend them among others; the third is large. */
class Load {
  writers = []

  constructor (company, server) {
    this.company = company
    this.server = server
    this.names = [fresh('first'), fresh('second'), fresh('large')]
  }

  get clients () { return this.writers.map(({ client }) => client) }

  async begin () {
    for (const [n, name] of this.names.entries()) {
      for (let m = 0; m < (n === 1 ? 3 : 2); m += 1) this.writers.push(new Writer(this.company.join(this.server, kinds[m % 2], name, { who: `w${n}${m}` })))
    }
    await Promise.all(this.clients.map((client) => client.whenSynced()))
    const { client } = this.writers.find(({ client }) => client.name === this.names[2] && client.acks)
    client.doc.getText('body').insert(0, 'x'.repeat(LARGE))
    await client.whenSaved()
    for (const writer of this.writers) writer.start()
  }

  stop () { for (const writer of this.writers) writer.stop() }

  of (name) { return this.writers.filter(({ client }) => client.name === name) }

  /** Everybody writes once more, and resolves when all who share the document have it and it is acknowledged. */
  async served (what) {
    await Promise.all(this.names.map(async (name) => {
      const writers = this.of(name)
      const clients = writers.map(({ client }) => client)
      const marks = writers.map((writer) => writer.write(`${writer.client.who} after ${what} ${writer.written.length}`))
      await until(`everybody is served after the end of ${what}`, clients, () => clients.every((client) => {
        const list = new Set(client.doc.getArray('list').toArray())
        return marks.every((mark) => list.has(mark) && (!client.acks || !mark.startsWith(`${client.who} `) || client.acks.acknowledged.has(mark)))
      }))
    }))
  }

  written (name) { return this.of(name).flatMap(({ written }) => written) }
}

const noticed = (load, before, whose) => {
  const closed = load.clients.filter((client) => client.closes.length > before.get(client).closes)
  const rejoined = load.clients.filter((client) => !closed.includes(client) && client.heard[0] > before.get(client).asked)
  const all = load.clients.length
  if (closed.length === 0 && rejoined.length === 0) return 'no client'
  if (closed.length === all) return 'every client: its socket is cut, it reconnects'
  if (closed.length === 1 && rejoined.length === 0) return 'its client: the socket is cut, it reconnects'
  if (closed.length === 0 && rejoined.length === all) return 'every session: it joins again, no socket closes'
  const members = load.of(whose).map(({ client }) => client)
  if (closed.length === 0 && rejoined.length === members.length && rejoined.every((client) => members.includes(client))) return 'the sessions of its document: they join again, no socket closes'
  return `closed: ${closed.map(({ who }) => who)}; joined again: ${rejoined.map(({ who }) => who)}`
}

/** Makes one actor panic and says what was seen. */
const kill = async (load, kind, whose) => {
  const { server } = load
  const { place, counted, of, restarter } = places[kind]
  const restarts = () => server.metric('tandem_actor_restarts_total', { actor: counted })
  const [count, logged] = [await restarts(), server.log().length]
  const before = new Map(load.clients.map((client) => [client, { closes: client.closes.length, asked: client.heard[0] }]))
  await server.strike(place, of ? `return(${whose})` : '1*panic')
  // A new socket and a new document are what the actors beside the path of an edit are asked for.
  const visitor = kind === 'Rooms' || kind === 'Sessions' ? load.company.hocuspocus(server, fresh('visited'), { who: 'visitor' }) : null
  await retried(`${kind} ends`, async () => await restarts() > count)
  const since = performance.now()
  await load.served(kind)
  await visitor?.whenSaved()
  const seconds = (performance.now() - since) / 1_000
  visitor?.destroy()
  assert.equal(await restarts(), count + 1, `${kind} ended more than once`)
  await server.strike(place, 'off')
  const line = await retried(`the end of ${kind} is logged`, () => server.log().slice(logged).match(/ERROR (?:Actor\{[^}]*\}: )?tandem_actors::(root|rooms|sessions|jobs): /))
  return { kind, noticed: noticed(load, before, whose), restarter: restarter ?? restarters[line[1]], seconds }
}

/** The worst time of each kind; all else must be the same each time. */
const rowOf = (seen) => {
  const [first] = seen
  for (const one of seen) assert.deepEqual({ ...one, seconds: 0 }, { ...first, seconds: 0 }, `${first.kind} does not end the same way each time`)
  return { ...first, seconds: Math.max(...seen.map(({ seconds }) => seconds)) }
}

const promised = (seconds) => PROMISES.find((promise) => promise >= 2.5 * seconds) ?? PROMISES.at(-1)
const render = ({ kind, noticed, lost, restarter, promise }) => `| ${kind} | ${noticed} | ${lost} | ${restarter} | ${promise} s |`

const table = () => {
  const text = readFileSync(ARCHITECTURE, 'utf8')
  const [head, rest] = text.split(BEGIN)
  assert.ok(rest, `docs/ARCHITECTURE.md has no line ${BEGIN}`)
  const [body, tail] = rest.split(END)
  return { head, body: body.trim(), tail, lines: body.trim().split('\n').slice(2) }
}

const HEADING = '| actor | who notices | what is lost | who starts it again | everybody is served within |\n|---|---|---|---|---|'

/** The kinds that the drawing of the tree names. */
const drawn = () => [...new Set(readFileSync(ARCHITECTURE, 'utf8').split('## The tree')[1].split('```')[1].match(/^(?:Root|[├└]─ .*?(?= {2}))/gm)
  .flatMap((line) => line.replace(/^[├└]─ /, '').split(' → ')).map((name) => name.replace('*', '')))]

describe('actors that end', () => {
  const company = new Company()
  const rows = new Map()
  let server
  before(async () => {
    server = await Server.start({
      TANDEM__LIMITS__COMPACT_ROWS: '20', TANDEM__LIMITS__COMPACT_BYTES: '4096', TANDEM__LIMITS__ROOM_KEEP_MESSAGES: '10000'
    })
  })
  after(async () => {
    await company.leave()
    await server.stop({ clean: false })
  })

  test('every live actor below Root ends in turn under load: all are served again, and nobody loses an edit', async (t) => {
    const load = new Load(company, server)
    await load.begin()
    t.after(() => load.stop())
    await load.served('nothing')
    const { text } = await server.request('GET', '/metrics')
    const living = Object.fromEntries([...text.matchAll(/^tandem_actors\{actor="(\w+)"\} (\d+)$/gm)].map(([, kind, count]) => [kind, Number(count)]))
    assert.deepEqual(Object.keys(living).sort(), Object.keys(places).sort())
    assert.deepEqual([living.Room, living.Session], [1, load.clients.length])
    for (const kind of Object.keys(places)) {
      const whose = { Room: load.names, Session: load.clients.map(({ name }) => name) }[kind] ?? [null]
      const seen = []
      for (const one of whose) seen.push(await kill(load, kind, one))
      rows.set(kind, { ...rowOf(seen), lost: 'nothing' })
      t.diagnostic(`${kind}: ${seen.map(({ seconds }) => seconds.toFixed(2)).join(', ')} s`)
    }
    const compactions = () => server.metric('tandem_compactions_total')
    const before = await compactions()
    // The documents whose compaction was lost wait half a minute before they ask again.
    const late = company.hocuspocus(server, fresh('late'), { who: 'late' })
    for (let n = 0; n < 25; n += 1) {
      late.type(`${n} `)
      await late.whenSaved()
    }
    await retried('a compaction follows', async () => await compactions() > before)
    load.stop()
    for (const name of load.names) {
      const clients = load.of(name).map(({ client }) => client)
      await converge(server, clients)
      const list = clients[0].doc.getArray('list').toArray()
      assert.deepEqual(list.slice().sort(), load.written(name).sort(), 'an edit was lost, or came twice')
    }
    await convergeForGood(server, load.of(load.names[0]).map(({ client }) => client))
    const cold = await coldLoad(server, load.names[1])
    assert.equal(cold.getArray('list').length, load.written(load.names[1]).length)
  })

  test('Root ends: the process says so and is gone, and whoever starts it again finds all that was acknowledged', async (t) => {
    const load = new Load(company, server)
    await load.begin()
    t.after(() => load.stop())
    await load.served('nothing')
    await server.strike('root::handle', '1*panic')
    await server.strike('jobs::handle', '1*panic')
    await until('the process ends', server, () => !server.running)
    assert.deepEqual(server.exit, { code: 70, signal: null })
    const acknowledged = load.clients.filter(({ acks }) => acks).flatMap(({ acks }) => [...acks.acknowledged])
    assert.ok(acknowledged.length > 0)
    load.stop()
    for (const client of load.clients) client.goOffline()
    await server.begin()
    const since = performance.now()
    const stored = new Set()
    for (const name of load.names) for (const mark of (await coldLoad(server, name)).getArray('list').toArray()) stored.add(mark)
    assert.deepEqual(acknowledged.filter((mark) => !stored.has(mark)), [])
    for (const client of load.clients) client.goOnline()
    await load.served('Root')
    const seconds = (performance.now() - since) / 1_000
    t.diagnostic(`Root: ${seconds.toFixed(2)} s`)
    for (const name of load.names) {
      assert.deepEqual((await coldLoad(server, name)).getArray('list').toArray().sort(), load.written(name).sort())
    }
    rows.set('Root', {
      kind: 'Root', noticed: 'every client: the process ends with code 70', lost: 'nothing', restarter: 'the service manager', seconds
    })
  })

  test('the table of docs/ARCHITECTURE.md says what was seen', () => {
    assert.deepEqual([...rows.keys()].sort(), drawn().sort(), 'not every actor of the drawing was ended')
    const seen = drawn().map((kind) => rows.get(kind))
    const { head, body, tail, lines } = table()
    if (process.env.TANDEM_BLESS) {
      const written = seen.map((row) => render({ ...row, promise: promised(row.seconds) }))
      writeFileSync(ARCHITECTURE, `${head}${BEGIN}\n${[HEADING, ...written].join('\n')}\n${END}${tail}`)
      return
    }
    assert.ok(body.startsWith(HEADING))
    for (const [n, row] of seen.entries()) {
      const promise = Number(lines[n]?.match(/ (\d+) s \|$/)?.[1])
      assert.equal(lines[n], render({ ...row, promise }), 'what was seen is not what is written')
      assert.ok(row.seconds <= promise, `${row.kind}: ${row.seconds.toFixed(2)} s, ${promise} s are promised`)
    }
    assert.equal(lines.length, seen.length)
  })
})

test('a commit that panics is tried again, and everything is acknowledged', async (t) => {
  const company = new Company()
  const server = await Server.start()
  t.after(async () => {
    await company.leave()
    await server.stop({ clean: false })
  })
  for (const place of ['journal::before-commit', 'journal::after-commit']) {
    const client = company.hocuspocus(server, fresh(), { who: 'author' })
    await client.whenSaved()
    await server.strike(place, '2*panic')
    for (let n = 0; n < 20; n += 1) client.type(`${n} `)
    await client.whenSaved()
    assert.deepEqual(client.closes, [])
    await converge(server, [client])
  }
  assert.equal(await server.metric('tandem_panics_total'), 4)
  assert.equal(await server.metric('tandem_actor_restarts_total', { actor: 'journal' }), 0)
})

for (const kind of kinds) {
  test(`over ${kind}: a panic while somebody is let in ends that socket only, and its client comes back`, async (t) => {
    const company = new Company()
    const server = await Server.start()
    t.after(async () => {
      await company.leave()
      await server.stop({ clean: false })
    })
    const name = fresh()
    const other = company.hocuspocus(server, name, { who: 'other' })
    await other.whenSaved()
    await server.strike('entrance::attempt', `return(${name})`)
    const client = company.join(server, kind, name, { who: 'client' })
    await client.whenSynced()
    assert.equal(client.tried, 2)
    other.type('undisturbed')
    await until('it goes on', client, () => client.text.toString() === 'undisturbed')
    assert.deepEqual(other.closes, [])
    assert.equal(await server.metric('tandem_refusals_total', { reason: 'internal' }), 1)
  })
}
