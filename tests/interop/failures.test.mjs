// One failure stays one failure: rooms that panic, readers that are slow, journals that are full, rows that are damaged.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'

import { kinds } from './harness/clients.mjs'
import { coldLoad, converge, convergeForGood } from './harness/converge.mjs'
import { letters } from './harness/random.mjs'
import { Company, Server, fresh } from './harness/suite.mjs'
import { polled, throughout, until } from './harness/until.mjs'

/** A server of the test's own; `clean: false` where a panic is the point. */
const scene = async (t, environment = {}, { clean = true } = {}) => {
  const company = new Company()
  const server = await Server.start(environment)
  t.after(async () => {
    await company.leave()
    await server.stop({ clean })
  })
  return { company, server }
}

const team = async (company, server, name) => {
  const clients = Array.from({ length: 6 }, (_, n) => company.join(server, kinds[n % 2], name, { who: `p${n}` }))
  await Promise.all(clients.map((client) => client.whenSynced()))
  return clients
}

const marks = (clients, each) => clients.flatMap(({ who }) => Array.from({ length: each }, (_, n) => `${who}-${n}`))

const write = (client, n) => {
  const mark = `${client.who}-${n}`
  client.doc.getArray('list').push([mark])
}

const assertHolds = (doc, wanted) => {
  const list = new Set(doc.getArray('list').toArray())
  assert.deepEqual(wanted.filter((mark) => !list.has(mark)), [])
}

test('a room that panics under load is rebuilt, nobody loses an edit, and other documents do not notice', async (t) => {
  const { company, server } = await scene(t, { FAILPOINTS: 'room::apply=150*off->1*panic->100*off->1*panic->off' }, { clean: false })
  const name = fresh('panic')
  const clients = await team(company, server, name)
  const other = company.hocuspocus(server, fresh('other'), { who: 'other' })
  await other.whenSaved()
  for (let n = 0; n < 80; n += 1) {
    for (const client of clients) write(client, n)
    if (n % 20 === 10) await until('others are heard', clients[0], () => clients[0].heard[2] > n)
  }
  await Promise.all(clients.filter(({ kind }) => kind === 'hocuspocus').map((client) => client.whenSaved(60_000)))
  other.type('undisturbed')
  await other.whenSaved()
  assert.deepEqual(other.closes, [])
  await convergeForGood(server, clients, { milliseconds: 60_000 })
  assertHolds(clients[0].doc, marks(clients, 80))
  assert.ok(/panicked: /.test(server.log()), 'no room panicked: the test showed nothing')
})

test('a slow reader laps the ring, gets one merged difference, and converges', async (t) => {
  const { company, server } = await scene(t, { TANDEM__LIMITS__STALL_SECONDS: '60' })
  const name = fresh('slow')
  const proxy = await company.proxy(server)
  const slow = company.yjs(proxy, name, { who: 'slow' })
  const writer = company.hocuspocus(server, name, { who: 'writer' })
  const reader = company.yjs(server, name, { who: 'reader' })
  await Promise.all([slow, writer, reader].map((client) => client.whenSynced()))
  const before = await server.metric('tandem_outbox_catch_ups_total')
  proxy.freeze()
  // More than sockets and the ring hold together; what is overwritten does not come as it was sent.
  const rounds = 400
  const block = 64 * 1024
  for (let n = 0; n < rounds; n += 1) {
    writer.doc.getMap('block').set('newest', letters(block, n))
    if (n % 20 === 0) await writer.whenSaved(60_000)
  }
  await writer.whenSaved(60_000)
  await until('the others have it', reader, () => reader.doc.getMap('block').get('newest') === letters(block, rounds - 1))
  assert.equal(slow.doc.getMap('block').get('newest') === letters(block, rounds - 1), false)
  proxy.thaw()
  await until('the slow one has it', slow, () => slow.doc.getMap('block').get('newest') === letters(block, rounds - 1), 60_000)
  assert.ok(slow.heard[2] < rounds, `the slow one got all ${rounds} updates one by one`)
  assert.ok(await server.metric('tandem_outbox_catch_ups_total') > before, 'nobody was caught up: the test showed nothing')
  assert.deepEqual(slow.closes, [])
  await converge(server, [slow, writer, reader], { milliseconds: 60_000 })
})

test('a reader that accepts nothing at all is closed, and resumes', async (t) => {
  const { company, server } = await scene(t, { TANDEM__LIMITS__STALL_SECONDS: '2' })
  const name = fresh('stalled')
  const proxy = await company.proxy(server)
  const slow = company.yjs(proxy, name, { who: 'slow' })
  const writer = company.hocuspocus(server, name, { who: 'writer' })
  await Promise.all([slow.whenSynced(), writer.whenSynced()])
  proxy.freeze()
  for (let n = 0; n < 400; n += 1) {
    writer.doc.getMap('block').set('newest', letters(64 * 1024, n))
    if (n % 20 === 0) await writer.whenSaved(60_000)
  }
  await writer.whenSaved(60_000)
  // The server counts it; the client learns of it when it reads again.
  let sessions = 2
  await polled(async () => (sessions = await server.metric('tandem_sessions')) <= 1, 20_000)
  assert.equal(sessions, 1, 'the stalled session is still held')
  proxy.thaw()
  await until('it is closed', slow, () => slow.closes.length > 0, 60_000)
  await until('it is back', slow, () => slow.opened === 2 && slow.synced, 60_000)
  await converge(server, [slow, writer], { milliseconds: 60_000 })
})

test('an idle room retires and is loaded again with all that it held', async (t) => {
  const { company, server } = await scene(t, { TANDEM__LIMITS__ROOM_IDLE_SECONDS: '1' })
  const name = fresh('idle')
  const clients = await team(company, server, name)
  for (let n = 0; n < 10; n += 1) for (const client of clients) write(client, n)
  await converge(server, clients)
  for (const client of clients) client.destroy()
  let rooms = 1
  await polled(async () => (rooms = await server.metric('tandem_rooms')) === 0, 10_000)
  assert.equal(rooms, 0, 'the room did not retire')
  assert.ok(await server.metric('tandem_rooms_retired_total') > 0)
  assertHolds(await coldLoad(server, name), marks(clients, 10))
})

test('clients that come and go while their room retires lose nothing', async (t) => {
  const { company, server } = await scene(t, { TANDEM__LIMITS__ROOM_IDLE_SECONDS: '0' })
  const name = fresh('revolving')
  const wanted = []
  for (let n = 0; n < 30; n += 1) {
    const client = company.hocuspocus(server, name, { who: `v${n}` })
    await client.whenSynced()
    write(client, n)
    wanted.push(`v${n}-${n}`)
    await client.whenSaved()
    client.destroy()
  }
  assertHolds(await coldLoad(server, name), wanted)
})

test('a document whose stored row is damaged is refused by name, never overwritten, and others go on', async (t) => {
  const { company, server } = await scene(t)
  const [name, healthy] = [fresh('damaged'), fresh('healthy')]
  for (const document of [name, healthy]) {
    const author = company.hocuspocus(server, document, { who: 'author' })
    await author.whenSynced()
    author.type('content')
    await author.whenSaved()
    author.destroy()
  }
  await server.terminate()
  const rowsOf = (database) => database.prepare('SELECT u.seq, hex(u.payload) AS payload FROM document_updates u JOIN documents d ON d.id = u.document WHERE d.name = ? ORDER BY u.seq').all(name)
  let database = new DatabaseSync(server.database)
  const { changes } = database.prepare("UPDATE document_updates SET payload = x'ffffffffffffffff' WHERE document = (SELECT id FROM documents WHERE name = ?)").run(name)
  assert.ok(changes > 0, 'nothing was stored')
  const damaged = JSON.stringify(rowsOf(database))
  database.close()
  await server.begin()

  const hocuspocus = company.hocuspocus(server, name, { who: 'hocuspocus' })
  const yjs = company.yjs(server, name, { who: 'y-websocket' })
  await until('each is told', [hocuspocus, yjs], () => hocuspocus.denied.length > 0 && yjs.terminal)
  assert.deepEqual(hocuspocus.denied, ['quarantined'])
  assert.deepEqual(yjs.terminal, { code: 4423, reason: 'quarantined' })
  assert.equal(await server.metric('tandem_refusals_total', { reason: 'quarantined' }), 2)
  for (const client of [hocuspocus, yjs]) client.type('must not be stored')
  assert.equal((await coldLoad(server, healthy)).getText('text').toString(), 'content')
  await throughout('nobody comes back by itself', [hocuspocus, yjs], () => hocuspocus.tried + yjs.tried === 2, 3_000)
  await server.terminate()
  database = new DatabaseSync(server.database)
  assert.equal(JSON.stringify(rowsOf(database)), damaged)
  database.close()
  await server.begin()
})

test('a full journal makes edits wait, and all of them are acknowledged when it drains', async (t) => {
  const { company, server } = await scene(t, {
    FAILPOINTS: 'journal::before-commit=15*sleep(200)->off',
    TANDEM__LIMITS__JOURNAL_BYTES: '200000',
    TANDEM__LIMITS__JOURNAL_ROOM_BYTES: '50000'
  })
  const names = [fresh('full-a'), fresh('full-b')]
  const clients = names.flatMap((name) => [0, 1].map((n) => company.hocuspocus(server, name, { who: `${name}-${n}` })))
  await Promise.all(clients.map((client) => client.whenSynced()))
  for (let n = 0; n < 60; n += 1) for (const client of clients) client.type(letters(5_000, n))
  await Promise.all(clients.map((client) => client.whenSaved(60_000)))
  for (const client of clients) {
    assert.equal(client.acks.refused, 0)
    assert.deepEqual(client.closes, [])
  }
  await converge(server, clients.slice(0, 2))
  await converge(server, clients.slice(2))
  assert.equal(clients[0].text.length, 2 * 60 * 5_000)
})

test('a compaction that is killed half way leaves the document whole, and the next one finishes', async (t) => {
  // `print` tells that the place was reached; `pause` keeps it there until the kill.
  const { company, server } = await scene(t, { FAILPOINTS: 'compaction::before-install=pause' })
  const name = fresh('compaction')
  const author = company.hocuspocus(server, name, { who: 'author' })
  await author.whenSynced()
  // One row a commit: each edit waits for its acknowledgement. Big ones, so that bytes call for it as well.
  const wanted = []
  const edit = async (n) => {
    const mark = `author-${n}`
    author.write(mark, () => {
      author.doc.getArray('list').push([mark])
      author.doc.getMap('block').set('newest', letters(4_000, n))
    })
    wanted.push(mark)
    await until('it is acknowledged', author, () => author.acks.acknowledged.has(mark))
  }
  for (let n = 0; n < 120; n += 1) await edit(n)
  author.destroy()
  await server.kill()
  const count = (table) => {
    const database = new DatabaseSync(server.database, { readOnly: true })
    const { n } = database.prepare(`SELECT count(*) AS n FROM ${table}`).get()
    database.close()
    return n
  }
  assert.equal(count('document_snapshots'), 0, 'a compaction was finished: the kill came too late to show anything')
  await server.begin({})
  assertHolds(await coldLoad(server, name), wanted)
  const second = company.hocuspocus(server, name, { who: 'second' })
  await second.whenSynced()
  for (let n = 0; n < 120; n += 1) {
    second.doc.getMap('block').set('newest', letters(4_000, n))
    await second.whenSaved()
  }
  let done = 0
  await polled(async () => (done = await server.metric('tandem_compactions_total')) > 0, 10_000)
  assert.ok(done > 0, 'no compaction followed')
  await convergeForGood(server, [second])
  assert.ok(count('document_snapshots') > 0)
  assertHolds(await coldLoad(server, name), wanted)
})
