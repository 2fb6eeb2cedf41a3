// Acknowledged means durable: whatever ends the server, no edit is missing that a client was told is saved.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'

import { HClient } from './harness/clients.mjs'
import { coldLoad } from './harness/converge.mjs'
import { random, seed } from './harness/random.mjs'
import { Company, Server, fresh, token } from './harness/suite.mjs'
import { pause, until } from './harness/until.mjs'

const WRITERS = 20
const ACKNOWLEDGED_AT_LEAST = 1_000
/** Edits that a writer has in flight: enough that a kill always finds some of them anywhere on their way. */
const WINDOW = 8

const stallCommit = { FAILPOINTS: 'journal::before-commit=pause' }

/** Writes marks into the shared list as fast as they are acknowledged, until told to stop. */
const writing = (client) => {
  let written = 0
  let stopped = false
  let busy = false
  const more = () => {
    // A write is itself a change.
    if (busy) return
    busy = true
    while (!stopped && client.connected && client.synced && client.acks.owed.length < WINDOW) {
      const mark = `${client.who}-${written}`
      written += 1
      client.write(mark, () => client.doc.getArray('list').push([mark]))
    }
    busy = false
  }
  client.on('change', more)
  more()
  return { stop: () => { stopped = true } }
}

const acknowledged = (clients) => clients.reduce((sum, { acks }) => sum + acks.acknowledged.size, 0)

/** The marks that were acknowledged and that a cold load does not show. */
const missing = async (server, name, clients) => {
  const list = new Set((await coldLoad(server, name)).getArray('list').toArray())
  return clients.flatMap(({ acks }) => [...acks.acknowledged]).filter((mark) => !list.has(mark))
}

/**
 * Twenty writers, a kill at a random moment after enough was acknowledged, and a restart that no author returns to.
 */
const killUnderLoad = async (company, server, draw) => {
  const name = fresh('kill')
  const clients = Array.from({ length: WRITERS }, (_, n) => company.keep(new HClient(server, name, { token: token(`w${n}`), who: `w${n}` })))
  await Promise.all(clients.map((client) => client.whenSynced()))
  const pens = clients.map(writing)
  const enough = ACKNOWLEDGED_AT_LEAST + draw.below(1_000)
  await until(`${enough} edits are acknowledged`, clients, () => acknowledged(clients) >= enough, 60_000)
  await pause(draw.below(30))
  await server.kill()
  for (const pen of pens) pen.stop()
  for (const client of clients) client.destroy()
  await server.begin({})
  return { name, clients, count: acknowledged(clients), lost: await missing(server, name, clients) }
}

describe('a server that is killed', () => {
  const company = new Company()
  let server
  before(async () => { server = await Server.start() })
  afterEach(() => company.leave())
  after(() => server?.stop())

  for (let round = 1; round <= 2; round += 1) {
    test(`has every acknowledged edit of twenty writers after kill -9, round ${round}`, async (t) => {
      const { count, lost } = await killUnderLoad(company, server, random(seed + round))
      t.diagnostic(`seed ${seed + round}: ${count} acknowledged, ${lost.length} missing`)
      assert.ok(count >= ACKNOWLEDGED_AT_LEAST)
      assert.deepEqual(lost, [])
    })
  }
})

describe('a server whose commit never comes', () => {
  const company = new Company()
  let server
  before(async () => { server = await Server.start(stallCommit) })
  afterEach(() => company.leave())
  after(() => server?.stop())

  test('acknowledges nothing, and an editor who only read brings the edit back when the author never returns', async () => {
    const name = fresh('unstored')
    const author = company.hocuspocus(server, name, { who: 'author' })
    const reader = company.hocuspocus(server, name, { who: 'reader' })
    const other = company.yjs(server, name, { who: 'other' })
    await Promise.all([author, reader, other].map((client) => client.whenSynced()))
    author.write('the edit', () => author.type('only fanned out'))
    await until('it is fanned out before it is stored', [reader, other], () => {
      return [reader, other].every(({ text }) => text.toString() === 'only fanned out')
    })
    assert.equal(author.acks.acknowledged.size, 0)
    assert.equal(author.saved, false)

    await server.kill()
    author.destroy()
    other.destroy()
    await server.begin({})
    await until('the reader has brought it', reader, () => reader.opened >= 2 && reader.saved, 60_000)
    reader.destroy()
    await server.kill()
    await server.begin({})
    assert.equal((await coldLoad(server, name)).getText('text').toString(), 'only fanned out')
  })

  test('loses an edit of which no acknowledgement was given and that nobody else holds, and says nothing else', async () => {
    await server.restart({})
    await server.terminate()
    await server.begin(stallCommit)
    const name = fresh('alone')
    const author = company.hocuspocus(server, name, { who: 'author' })
    await author.whenSynced()
    author.write('the edit', () => author.type('nobody saw it'))
    const watcher = company.yjs(server, fresh('elsewhere'), { who: 'watcher' })
    await watcher.whenSynced()
    await server.kill()
    assert.equal(author.acks.acknowledged.size, 0)
    author.destroy()
    await server.begin({})
    assert.deepEqual(await missing(server, name, [author]), [])
  })
})

describe('the control', () => {
  const company = new Company()
  afterEach(() => company.leave())

  test('the same test sees a loss when a failpoint acknowledges before the commit', async (t) => {
    // A slow commit only makes the window wide; the early acknowledgement is what loses.
    const server = await company.server({ FAILPOINTS: 'gate::ack-early=return;journal::before-commit=sleep(100)' })
    const { count, lost } = await killUnderLoad(company, server, random(seed))
    t.diagnostic(`${count} acknowledged, ${lost.length} missing`)
    assert.ok(lost.length > 0, 'acknowledging before the commit went unnoticed: this test shows nothing')
  })
})

describe('a server that is asked to stop', () => {
  const company = new Company()
  afterEach(() => company.leave())

  test('exits with 0 within its deadline under load, and nothing that it took is missing', async (t) => {
    const server = await company.server()
    const name = fresh('stop')
    const clients = Array.from({ length: WRITERS }, (_, n) => company.keep(new HClient(server, name, { token: token(`w${n}`), who: `w${n}` })))
    await Promise.all(clients.map((client) => client.whenSynced()))
    const pens = clients.map(writing)
    await until('there is load', clients, () => acknowledged(clients) >= 200, 60_000)
    const asked = Date.now()
    const exit = await server.terminate()
    t.diagnostic(`exit after ${Date.now() - asked} ms, ${acknowledged(clients)} acknowledged`)
    assert.deepEqual(exit, { code: 0, signal: null })
    assert.ok(Date.now() - asked < 20_000)
    for (const pen of pens) pen.stop()

    // Without their authors: all that was acknowledged.
    const authors = clients.map(({ doc }) => doc.getArray('list').toArray())
    for (const client of clients.slice(1)) client.destroy()
    clients[0].goOffline()
    await server.begin({})
    assert.deepEqual(await missing(server, name, clients), [])
    // With one of them back: all that one holds.
    await clients[0].goOnline()
    await until('the one who is back is saved', clients[0], () => clients[0].saved)
    const list = new Set((await coldLoad(server, name)).getArray('list').toArray())
    assert.ok(authors[0].every((mark) => list.has(mark)))
    assert.deepEqual(await server.terminate(), { code: 0, signal: null })
  })

  test('closes each client so that it comes back, with the code of its protocol', async () => {
    const server = await company.server()
    const name = fresh('codes')
    const ada = company.hocuspocus(server, name, { who: 'ada' })
    const ben = company.yjs(server, name, { who: 'ben' })
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    await server.terminate()
    await until('both are closed', [ada, ben], () => ada.closes.length > 0 && ben.closes.length > 0)
    assert.equal(ada.closes[0].code, 1012)
    assert.equal(ben.closes[0].code, 4503)
    await server.begin({})
    await until('both are back', [ada, ben], () => ada.synced && ben.synced, 30_000)
  })
})

describe('what a client is told', () => {
  const company = new Company()
  let server
  before(async () => { server = await Server.start({ FAILPOINTS: 'journal::before-commit=sleep(20)' }) })
  afterEach(() => company.leave())
  after(() => server?.stop())

  test('two hundred edits in flight, cut three times: saved comes, and only when all of them are stored', async () => {
    const name = fresh('flight')
    const ada = company.hocuspocus(server, name, { who: 'ada' })
    await ada.whenSaved()
    const marks = Array.from({ length: 200 }, (_, n) => `m${n}`)
    for (const [n, mark] of marks.entries()) {
      ada.write(mark, () => ada.doc.getArray('list').push([mark]))
      if (n % 60 !== 59) continue
      const before = ada.opened
      ada.cut()
      await until('it is back', ada, () => ada.opened > before)
    }
    await ada.whenSaved()
    // Nothing may be left that only the living process knew.
    await server.kill()
    ada.destroy()
    await server.begin()
    assert.deepEqual((await coldLoad(server, name)).getArray('list').toArray(), marks)
  })

  test('each edit is acknowledged exactly once, in order, also a repeated one', async () => {
    const name = fresh('count')
    const ada = company.hocuspocus(server, name, { who: 'ada' })
    await ada.whenSaved()
    const before = ada.acks.granted
    for (let n = 0; n < 100; n += 1) ada.write(`m${n}`, () => ada.type('x'))
    await ada.whenSaved()
    assert.equal(ada.acks.granted - before, 100)
    assert.deepEqual([...ada.acks.acknowledged], Array.from({ length: 100 }, (_, n) => `m${n}`))
    assert.equal(ada.provider.hasUnsyncedChanges, false)
  })

  test('forceSync on a live connection with edits in flight ends as saved', async () => {
    const name = fresh('force')
    const ada = company.hocuspocus(server, name, { who: 'ada' })
    await ada.whenSaved()
    for (let n = 0; n < 50; n += 1) {
      ada.write(`m${n}`, () => ada.type('x'))
      if (n % 20 === 10) ada.provider.forceSync()
    }
    await ada.whenSaved()
    assert.equal(ada.provider.hasUnsyncedChanges, false)
    assert.equal((await coldLoad(server, name)).getText('text').length, 50)
  })
})
