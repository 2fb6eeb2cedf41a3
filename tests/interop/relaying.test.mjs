// Honest clients bring what other people wrote: from another tab, from storage, from a second network. All of it is taken.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { coldLoad, converge, convergeForGood } from './harness/converge.mjs'
import { fresh, suite } from './harness/suite.mjs'
import { until } from './harness/until.mjs'

const context = suite()

const assertNothingRefused = (...clients) => {
  for (const client of clients) {
    assert.deepEqual(client.denied, [], `${client.who} was refused something`)
    if (client.acks) assert.equal(client.acks.refused, 0, `${client.who} was refused something`)
  }
}

test('two tabs on a BroadcastChannel, one of them offline: what the offline tab wrote arrives through the other', async () => {
  const name = fresh()
  const far = context.company.hocuspocus(context.server, name, { who: 'far' })
  const online = context.company.yjs(context.server, name, { who: 'ada', broadcast: true })
  await Promise.all([far.whenSynced(), online.whenSynced()])
  const offline = context.company.yjs(context.server, name, { who: 'ada', broadcast: true, connect: false })
  offline.provider.connectBc()
  await until('the tabs know each other', [online, offline], () => online.awareness.getStates().size >= 1)

  offline.type('written offline. ')
  await until('the other tab has it', online, () => online.text.length > 0)
  // Stands on what only the tabs know.
  online.type('and this stands on it')
  await until('both arrive far away', far, () => far.text.toString() === 'written offline. and this stands on it')
  offline.type(', and on')
  online.type('!')
  await until('the rest too', far, () => far.text.toString() === 'written offline. and this stands on it, and on!')
  await converge(context.server, [far, online])
  assert.equal(offline.opened, 0)
  assertNothingRefused(far, online)
})

for (const kind of ['hocuspocus', 'y-websocket']) {
  test(`over ${kind}: a client restored from its storage before it connects brings everybody's work`, async () => {
    const name = fresh()
    // Three authors who never met this server.
    const authors = ['x', 'y', 'z'].map(() => new Y.Doc())
    for (const [n, doc] of authors.entries()) {
      for (const other of authors) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
      doc.getText('text').insert(doc.getText('text').length, `author ${n}. `)
    }
    const stored = Y.encodeStateAsUpdate(authors[2])
    const doc = new Y.Doc()
    Y.applyUpdate(doc, stored, 'storage')
    const restored = context.company.join(context.server, kind, name, { who: 'restored', doc })
    const reader = context.company.hocuspocus(context.server, name, { who: 'reader' })
    await until('the reader has all three', reader, () => reader.text.toString() === 'author 0. author 1. author 2. ')
    restored.type('and on')
    await convergeForGood(context.server, [restored, reader])
    assertNothingRefused(restored, reader)
  })

  test(`over ${kind}: a storage that opens after the connection is taken as well`, async () => {
    const name = fresh()
    const first = new Y.Doc()
    first.getText('text').insert(0, 'long ago. ')
    const client = context.company.join(context.server, kind, name, { who: 'late storage' })
    const reader = context.company.hocuspocus(context.server, name, { who: 'reader' })
    await Promise.all([client.whenSynced(), reader.whenSynced()])
    client.type('today. ')
    // As y-indexeddb does: row by row, each an Update that the provider sends on.
    Y.applyUpdate(client.doc, Y.encodeStateAsUpdate(first), 'storage')
    await until('the reader has both', reader, () => reader.text.length === client.text.length)
    await convergeForGood(context.server, [client, reader])
    assertNothingRefused(client, reader)
  })
}

test('a client that relays a live author at every key over a second network changes nothing', async () => {
  const name = fresh()
  const author = context.company.hocuspocus(context.server, name, { who: 'author' })
  const relay = context.company.hocuspocus(context.server, name, { who: 'relay' })
  const reader = context.company.yjs(context.server, name, { who: 'reader' })
  await Promise.all([author, relay, reader].map((client) => client.whenSynced()))
  // The second network, as y-webrtc: faster than the server, both ways.
  author.doc.on('update', (update, origin) => { if (origin !== 'webrtc') Y.applyUpdate(relay.doc, update, 'webrtc') })
  relay.doc.on('update', (update, origin) => { if (origin !== 'webrtc') Y.applyUpdate(author.doc, update, 'webrtc') })
  for (let n = 0; n < 200; n += 1) {
    author.type(`${n} `)
    if (n % 10 === 0) relay.type('- ')
    if (n % 25 === 0) await until('the reader follows', reader, () => reader.heard[2] > n / 25)
  }
  await until('the author and the relay are saved', [author, relay], () => author.saved && relay.saved, 60_000)
  await convergeForGood(context.server, [author, relay, reader])
  assertNothingRefused(author, relay, reader)
})

test('an author who went away can be brought by anybody who has the work', async () => {
  const name = fresh()
  const author = context.company.hocuspocus(context.server, name, { who: 'author' })
  const witness = context.company.hocuspocus(context.server, name, { who: 'witness' })
  await Promise.all([author.whenSynced(), witness.whenSynced()])
  author.type('begun. ')
  await until('the witness has it', witness, () => witness.text.length > 0)
  // The server loses the author; the witness goes on hearing the author directly.
  author.goOffline()
  await until('the author is offline', author, () => author.closes.length === 1)
  author.doc.on('update', (update) => Y.applyUpdate(witness.doc, update, 'webrtc'))
  author.type('gone on.')
  await witness.whenSaved()
  assert.equal((await coldLoad(context.server, name)).getText('text').toString(), 'begun. gone on.')
  assertNothingRefused(witness)
})

for (const kind of ['hocuspocus', 'y-websocket']) {
  test(`over ${kind}: an author who comes back while the old socket lingers goes on writing`, async () => {
    const name = fresh()
    const proxy = await context.company.proxy(context.server)
    const author = context.company.join(proxy, kind, name, { who: 'author' })
    const reader = context.company.hocuspocus(context.server, name, { who: 'reader' })
    await Promise.all([author.whenSynced(), reader.whenSynced()])
    author.type('one ')
    for (const word of ['two ', 'three ', 'four']) {
      const before = author.opened
      proxy.part()
      author.type(word)
      await until('the author is back', author, () => author.opened > before && author.synced)
    }
    await until('the reader has all', reader, () => reader.text.toString() === 'one two three four')
    proxy.release()
    await convergeForGood(context.server, [author, reader])
    assertNothingRefused(author, reader)
  })
}

test('updates that arrive out of their causal order are asked for until they are whole', async () => {
  const name = fresh()
  // A document of which the server hears the last edit first, from a client that holds all.
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', (update) => updates.push(update))
  for (let n = 0; n < 20; n += 1) doc.getText('text').insert(n, String(n % 10))
  const client = context.company.hocuspocus(context.server, name, { who: 'shuffled' })
  const reader = context.company.yjs(context.server, name, { who: 'reader' })
  await Promise.all([client.whenSynced(), reader.whenSynced()])
  for (const update of updates.reverse()) Y.applyUpdate(client.doc, update, 'elsewhere')
  await until('the reader has it whole', reader, () => reader.text.toString() === doc.getText('text').toString())
  await convergeForGood(context.server, [client, reader])
  assertNothingRefused(client, reader)
})
