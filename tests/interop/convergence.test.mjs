// Everybody who edits a document ends with the same document, over either protocol and over both at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { TEXT } from './harness/clients.mjs'
import { coldLoad, converge, convergeForGood } from './harness/converge.mjs'
import { letters, random } from './harness/random.mjs'
import { fresh, suite } from './harness/suite.mjs'
import { until } from './harness/until.mjs'

const context = suite()

/** What each of the authors has put into the list, all of it. */
const holdsAll = (doc, authors, each) => {
  const seen = new Set(doc.getArray('list').toArray())
  return authors.every((author) => Array.from({ length: each }, (_, n) => `${author}-${n}`).every((mark) => seen.has(mark)))
}

/** One edit of a mix: text in and out, a list, a map. */
const edit = (client, mark, draw) => client.doc.transact(() => {
  const { doc, text } = client
  doc.getArray('list').push([mark])
  doc.getMap('map').set(`key-${draw.below(8)}`, mark)
  text.insert(draw.below(text.length + 1), `${mark} `)
  if (draw.below(4) === 0 && text.length > 10) text.delete(draw.below(text.length - 5), 1 + draw.below(5))
})

const mixedCompany = (names, name) => names.map((who, n) => context.company.join(context.server, n % 2 === 0 ? 'hocuspocus' : 'y-websocket', name, { who }))

for (const kind of ['hocuspocus', 'y-websocket']) {
  test(`two clients of ${kind} converge on what both typed at once`, async () => {
    const name = fresh()
    const [ada, ben] = ['ada', 'ben'].map((who) => context.company.join(context.server, kind, name, { who }))
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    for (let n = 0; n < 50; n += 1) {
      ada.type(`a${n} `)
      ben.type(`b${n} `)
    }
    await convergeForGood(context.server, [ada, ben])
    assert.equal(ada.text.length, 2 * (10 * 3 + 40 * 4))
  })
}

test('a client of each protocol share one document', async () => {
  const name = fresh()
  const [ada, ben] = mixedCompany(['ada', 'ben'], name)
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  ada.type('from hocuspocus ')
  await until('ben reads it', ben, () => ben.text.toString() === 'from hocuspocus ')
  ben.type('from y-websocket')
  await converge(context.server, [ada, ben])
  assert.equal(ada.text.toString(), 'from hocuspocus from y-websocket')
})

test('twenty clients over both protocols converge and every author is in the result', async () => {
  const name = fresh()
  const authors = Array.from({ length: 20 }, (_, n) => `author${n}`)
  const clients = mixedCompany(authors, name)
  await Promise.all(clients.map((client) => client.whenSynced()))
  const draw = random()
  for (let n = 0; n < 20; n += 1) {
    for (const client of clients) edit(client, `${client.who}-${n}`, draw)
    // Let what others wrote come in between, so that later edits stand on it.
    await until('a next round may begin', clients, () => clients.some(({ heard }) => heard[2] > n))
  }
  await convergeForGood(context.server, clients)
  assert.ok(holdsAll(clients[0].doc, authors, 20))
})

test('who joins late gets everything', async () => {
  const name = fresh()
  const [ada, ben] = mixedCompany(['ada', 'ben'], name)
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  for (let n = 0; n < 100; n += 1) ada.type(`line ${n}\n`)
  ben.type('and ben')
  await converge(context.server, [ada, ben])
  const late = mixedCompany(['cleo', 'dan'], name)
  await Promise.all(late.map((client) => client.whenSynced()))
  await converge(context.server, [ada, ben, ...late])
})

test('what both sides wrote while they were offline arrives on both sides', async () => {
  const name = fresh()
  const authors = ['ada', 'ben', 'cleo', 'dan']
  const clients = mixedCompany(authors, name)
  await Promise.all(clients.map((client) => client.whenSynced()))
  clients[0].type('the common ground. ')
  await converge(context.server, clients)
  for (const client of clients) client.goOffline()
  await until('all are offline', clients, () => clients.every(({ closes }) => closes.length === 1))
  const draw = random()
  for (const client of clients) for (let n = 0; n < 30; n += 1) edit(client, `${client.who}-${n}`, draw)
  for (const client of clients) client.goOnline()
  await convergeForGood(context.server, clients)
  assert.ok(holdsAll(clients[0].doc, authors, 30))
})

test('a client that was cut again and again loses nothing', async () => {
  const name = fresh()
  const authors = ['ada', 'ben']
  const clients = mixedCompany(authors, name)
  await Promise.all(clients.map((client) => client.whenSynced()))
  const draw = random()
  for (let n = 0; n < 30; n += 1) {
    for (const client of clients) edit(client, `${client.who}-${n}`, draw)
    if (n % 10 === 5) {
      const client = clients[(n / 10) & 1]
      const before = client.opened
      client.cut()
      await until('it is back', client, () => client.opened > before && client.synced)
    }
  }
  await convergeForGood(context.server, clients)
  assert.ok(holdsAll(clients[0].doc, authors, 30))
})

test('a server that is started anew under its clients goes on where it was', async () => {
  const name = fresh()
  const clients = mixedCompany(['ada', 'ben'], name)
  await Promise.all(clients.map((client) => client.whenSynced()))
  clients[0].type('before. ')
  await converge(context.server, clients)
  await context.server.restart()
  await until('both are back', clients, () => clients.every((client) => client.opened >= 2 && client.synced))
  clients[1].type('after.')
  await convergeForGood(context.server, clients)
  assert.equal(clients[0].text.toString(), 'before. after.')
})

test('sub-documents are documents of their own, named by their guid', async () => {
  const name = fresh('parent')
  const guid = fresh('child')
  const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
  const ben = context.company.yjs(context.server, name, { who: 'ben' })
  await Promise.all([ada.whenSynced(), ben.whenSynced()])

  const child = new Y.Doc({ guid })
  ada.doc.getMap('children').set('first', child)
  const seen = await until('ben sees the child', ben, () => ben.doc.getMap('children').get('first'))
  assert.equal(seen.guid, guid)
  seen.load()

  const adasChild = context.company.hocuspocus(context.server, guid, { who: 'ada', doc: child })
  const bensChild = context.company.yjs(context.server, guid, { who: 'ben', doc: seen })
  await Promise.all([adasChild.whenSynced(), bensChild.whenSynced()])
  adasChild.type('inside ')
  bensChild.type('the child')
  await converge(context.server, [adasChild, bensChild])
  await until('the parent is equal', [ada, ben], () => [...ben.doc.getSubdocs()].some((doc) => doc.guid === guid))
  assert.equal([...(await coldLoad(context.server, name)).getMap('children').values()][0].guid, guid)
})

test('text of every script survives, also where an edit falls into the middle of a surrogate pair', async () => {
  const name = fresh()
  const clients = mixedCompany(['ada', 'ben'], name)
  const [ada, ben] = clients
  await Promise.all(clients.map((client) => client.whenSynced()))
  const words = 'Grüße, 你好, مرحبا, नमस्ते, e\u0301, \u0000, 👩‍👩‍👧‍👦 and 𝄞'
  ada.type(words)
  await until('ben has it', ben, () => ben.text.toString() === words)
  const clef = words.indexOf('𝄞')
  // One deletes half of the pair while the other writes into its middle.
  ben.goOffline()
  await until('ben is offline', ben, () => ben.closes.length === 1)
  ada.text.insert(clef + 1, 'in the middle')
  ben.text.delete(clef + 1, 1)
  ben.goOnline()
  await convergeForGood(context.server, clients)
  assert.ok(ada.text.toString().startsWith(words.slice(0, clef)))
  assert.ok(ada.text.toString().includes('in the middle'))
})

test('formatting, embeds, XML and nested types converge', async () => {
  const name = fresh()
  const clients = mixedCompany(['ada', 'ben'], name)
  const [ada, ben] = clients
  await Promise.all(clients.map((client) => client.whenSynced()))
  ada.doc.transact(() => {
    ada.text.insert(0, 'bold and plain', {})
    ada.text.format(0, 4, { bold: true })
    ada.text.insertEmbed(4, { image: 'one' })
    const paragraph = new Y.XmlElement('paragraph')
    paragraph.setAttribute('level', '1')
    paragraph.insert(0, [new Y.XmlText('in the paragraph')])
    ada.doc.getXmlFragment('page').insert(0, [paragraph])
    ada.doc.getMap('map').set('nested', new Y.Array())
  })
  const nested = await until('ben has the nested list', ben, () => ben.doc.getMap('map').get('nested'))
  nested.push([1, { deep: [true, null] }, new Uint8Array([1, 2, 3])])
  ben.text.format(2, 6, { italic: true })
  ada.text.format(0, 8, { bold: null })
  ben.doc.getXmlFragment('page').get(0).setAttribute('level', '2')
  await convergeForGood(context.server, clients)
})

test('what was deleted before somebody came does not come to them', async () => {
  const name = fresh()
  const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
  await ada.whenSynced()
  ada.type('the secret word is xyzzy')
  ada.text.delete(19, 5)
  await ada.whenSaved()
  ada.destroy()
  await context.server.restart()
  const ben = context.company.yjs(context.server, name, { who: 'ben' })
  await ben.whenSynced()
  assert.equal(ben.text.toString(), 'the secret word is ')
  assert.ok(!Buffer.from(Y.encodeStateAsUpdate(ben.doc)).includes('xyzzy'))
})

for (const [size, label] of [[1_000_000, '1 MB'], [12_000_000, '12 MB']]) {
  test(`a single update of ${label} reaches everybody`, async () => {
    const name = fresh()
    const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
    const ben = context.company.yjs(context.server, name, { who: 'ben' })
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    ada.type(letters(size))
    await until('ben has it all', ben, () => ben.text.length === size, 60_000)
    await ada.whenSaved(60_000)
    assert.deepEqual(ada.acks.refused, 0)
    await convergeForGood(context.server, [ada, ben], { milliseconds: 60_000 })
    assert.equal(ada.doc.getText(TEXT).length, size)
  })
}

test('two hundred documents live on one socket', async () => {
  const socket = context.company.socket(context.server)
  const names = Array.from({ length: 200 }, (_, n) => fresh(`many-${n}`))
  const clients = names.map((name) => context.company.hocuspocus(context.server, name, { who: 'ada', socket }))
  await Promise.all(clients.map((client) => client.whenSynced(60_000)))
  for (const client of clients) client.type(`this is ${client.name}`)
  await Promise.all(clients.map((client) => client.whenSaved(60_000)))
  assert.equal(socket.opened, 1)
  // From another side, over one more socket, to be quick.
  const reading = context.company.socket(context.server)
  const readers = names.map((name) => context.company.hocuspocus(context.server, name, { who: 'ben', socket: reading }))
  await Promise.all(readers.map((reader) => reader.whenSynced(60_000)))
  for (const reader of readers) assert.equal(reader.text.toString(), `this is ${reader.name}`)
  assert.equal(reading.opened, 1)
})

test('a document name may be anything that a URL can carry', async () => {
  for (const name of ['with space', 'a/b/c', 'ünï-çødé', 'per%cent'].map(fresh)) {
    const written = context.company.hocuspocus(context.server, name, { who: 'ada' })
    await written.whenSynced()
    written.type(name)
    await written.whenSaved()
    // y-websocket does not escape what a URL reserves; the application does.
    const read = context.company.yjs(context.server, encodeURIComponent(name), { who: 'ben' })
    await read.whenSynced()
    assert.equal(read.text.toString(), name)
  }
})
