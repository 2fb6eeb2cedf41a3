// Rights are the server's: what a token does not allow does not happen, and its bearer is told in the protocol's own way.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { kinds } from './harness/clients.mjs'
import { coldLoad, converge } from './harness/converge.mjs'
import { Raw, fresh, suite, token } from './harness/suite.mjs'
import { sign } from './harness/tokens.mjs'
import { throughout, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const context = suite({ TANDEM__AUTH__LEEWAY_SECONDS: '0' })

const viewerOf = (name) => token('viewer', { [name]: 'viewer' })

for (const kind of kinds) {
  test(`over ${kind}: a viewer's edit never reaches the document, and the viewer is told`, async () => {
    const name = fresh()
    const editor = context.company.hocuspocus(context.server, name, { who: 'editor' })
    await editor.whenSynced()
    editor.type('the truth. ')
    await editor.whenSaved()
    const viewer = context.company.join(context.server, kind, name, { who: 'viewer', token: viewerOf(name) })
    await viewer.whenSynced()
    assert.equal(viewer.text.toString(), 'the truth. ')
    viewer.type('a lie')
    if (kind === 'hocuspocus') {
      assert.deepEqual(viewer.scopes, ['readonly'])
      await until('the viewer is told', viewer, () => viewer.acks.refused === 1)
    } else {
      await until('the viewer is told', viewer, () => viewer.denied.includes('read-only'))
    }
    assert.ok(await context.server.metric('tandem_refusals_total', { reason: 'read-only' }) > 0)
    editor.type('more of it.')
    await editor.whenSaved()
    await until('the viewer goes on reading', viewer, () => viewer.text.toString().includes('more of it.'))
    assert.equal(editor.text.toString(), 'the truth. more of it.')
    assert.equal((await coldLoad(context.server, name)).getText('text').toString(), 'the truth. more of it.')
    assert.equal(viewer.closes.length, 0)
  })

  test(`over ${kind}: what a viewer wrote offline is not taken when the viewer comes back`, async () => {
    const name = fresh()
    const editor = context.company.hocuspocus(context.server, name, { who: 'editor' })
    await editor.whenSynced()
    editor.type('the truth')
    await editor.whenSaved()
    const viewer = context.company.join(context.server, kind, name, { who: 'viewer', token: viewerOf(name), connect: false })
    viewer.type('a lie. ')
    viewer.goOnline()
    await viewer.whenSynced()
    editor.type('.')
    await until('the viewer goes on reading', viewer, () => viewer.text.toString().includes('the truth.'))
    assert.equal((await coldLoad(context.server, name)).getText('text').toString(), 'the truth.')
  })

  test(`over ${kind}: a token for one document does not open another`, async () => {
    const name = fresh()
    const stranger = context.company.join(context.server, kind, name, { who: 'stranger', token: token('stranger', { [`${name}-else`]: 'owner' }) })
    await refused(stranger, 4403, 'permission-denied')
  })

  test(`over ${kind}: a token that is expired, of another secret, unsigned, cut or missing is refused`, async () => {
    const name = fresh()
    const exp = Math.floor(Date.now() / 1000) + 60
    const good = token('someone')
    const bad = {
      expired: [token('someone', { '*': 'editor' }, { seconds: -60 }), 'token-expired'],
      'of another secret': [token('someone', { '*': 'editor' }, { secret: 'another secret of thirty-two bytes or more' }), 'permission-denied'],
      unsigned: [`${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${good.split('.')[1]}.`, 'permission-denied'],
      cut: [good.slice(0, -3), 'permission-denied'],
      'of another algorithm': [sign({ sub: 'someone', exp }, { header: { alg: 'HS512', typ: 'JWT' } }), 'permission-denied'],
      'without an end': [sign({ sub: 'someone' }), 'permission-denied'],
      missing: [kind === 'hocuspocus' ? '' : undefined, 'permission-denied']
    }
    for (const [what, [wrong, reason]] of Object.entries(bad)) {
      const stranger = context.company.join(context.server, kind, name, { token: wrong, who: what })
      await refused(stranger, 4401, reason)
      stranger.destroy()
    }
  })

  test(`over ${kind}: an honest viewer who only reads is never unsaved`, async () => {
    const name = fresh()
    const editors = ['ada', 'ben'].map((who) => context.company.hocuspocus(context.server, name, { who }))
    await Promise.all(editors.map((editor) => editor.whenSynced()))
    const viewer = context.company.join(context.server, kind, name, { who: 'viewer', token: viewerOf(name) })
    await viewer.whenSynced()
    // Concurrent writes to one key and deletions of formatted text make every Yjs derive deletions of its own.
    for (let n = 0; n < 30; n += 1) {
      for (const editor of editors) {
        editor.doc.getMap('map').set('key', `${editor.who} ${n}`)
        editor.text.insert(0, 'word ', { bold: true })
        editor.text.format(0, 3, { italic: n % 2 === 0 || null })
        if (n % 3 === 0) editor.text.delete(0, Math.min(7, editor.text.length))
      }
    }
    await converge(context.server, [...editors, viewer])
    if (kind === 'hocuspocus') {
      await viewer.whenSaved()
      assert.equal(viewer.acks.refused, 0)
      await until('its own counter says so too', viewer, () => !viewer.provider.hasUnsyncedChanges)
      viewer.cut()
      await until('after a reconnect as well', viewer, () => viewer.opened === 2 && viewer.saved)
      assert.equal(viewer.acks.refused, 0)
    }
    assert.deepEqual(viewer.denied, [])
  })

  test(`over ${kind}: a token that expires ends the access`, async () => {
    const name = fresh()
    const client = context.company.join(context.server, kind, name, { who: 'brief', token: token('brief', { [name]: 'editor' }, { seconds: 4 }) })
    const reader = context.company.hocuspocus(context.server, name, { who: 'reader' })
    await Promise.all([client.whenSynced(), reader.whenSynced()])
    client.type('in time. ')
    await until('it is read', reader, () => reader.text.toString() === 'in time. ')
    if (kind === 'hocuspocus') {
      await until('the client is told', client, () => client.denied.length > 0)
      assert.deepEqual(client.denied, ['token-expired'])
      assert.equal(client.closes.length, 0)
    } else {
      await until('the client is closed', client, () => client.terminal)
      assert.equal(client.terminal.code, 4401)
    }
    client.type('too late')
    reader.type('meanwhile')
    await reader.whenSaved()
    await throughout('nothing more comes from it', reader, () => reader.text.toString() === 'in time. meanwhile', 500)
  })
}

/** The refusal of each protocol: a message on a socket that stays, or a close that is final. */
const refused = async (client, code, reason) => {
  if (client.kind === 'hocuspocus') {
    await until(`${client.who} is refused`, client, () => client.denied.length > 0)
    assert.deepEqual(client.denied, [reason], client.who)
    assert.equal(client.closes.length, 0, client.who)
  } else {
    await until(`${client.who} is refused`, client, () => client.terminal)
    assert.deepEqual(client.terminal, { code, reason }, client.who)
    assert.equal(client.tried, 1, client.who)
  }
  assert.equal(client.synced, false)
}

test('a client with a token function goes on by itself when its token expires', async () => {
  const name = fresh()
  let asked = 0
  const client = context.company.hocuspocus(context.server, name, {
    who: 'renewing',
    token: async () => token('renewing', { [name]: 'editor' }, { seconds: (asked += 1) === 1 ? 3 : 3600 })
  })
  await client.whenSynced()
  await until('the token was asked for again', client, () => asked >= 2)
  await throughout('the end of the first one changes nothing', client, () => client.denied.length === 0, 5_000)
  assert.equal(asked, 2, 'it was asked for once more, not again and again')
  client.type('on and on')
  await client.whenSaved()
  assert.deepEqual(client.denied, [])
  assert.equal(client.acks.refused, 0)
  assert.equal(client.opened, 1)
})

test('a client that has no other token is asked for one once, and is refused once', async () => {
  const name = fresh()
  const only = token('only one', { [name]: 'editor' }, { seconds: 4 })
  let asked = 0
  const client = context.company.hocuspocus(context.server, name, {
    who: 'only one',
    token: () => {
      asked += 1
      return only
    }
  })
  await client.whenSynced()
  await until('it is refused at its end', client, () => client.denied.length > 0)
  assert.deepEqual(client.denied, ['token-expired'])
  assert.equal(asked, 2)
})

test('a bad token, then a good one, on the same socket for the same document', async () => {
  const name = fresh()
  let current = 'no token at all'
  const client = context.company.hocuspocus(context.server, name, { who: 'second try', token: () => current })
  await until('the bad one is refused', client, () => client.denied.length === 1)
  client.type('kept meanwhile')
  current = token('second try', { [name]: 'editor' })
  await client.provider.sendToken()
  client.provider.startSync()
  await until('the good one is accepted', client, () => client.scopes.length === 1 && client.synced)
  await until('and its edit is taken', client, () => client.acks.granted > 0)
  assert.equal(client.opened, 1)
  assert.equal((await coldLoad(context.server, name)).getText('text').toString(), 'kept meanwhile')
})

test('one document refused on a socket disturbs no other document on it', async () => {
  const [open, shut] = [fresh('open'), fresh('shut')]
  const socket = context.company.socket(context.server)
  const mine = token('ada', { [open]: 'editor' })
  const good = context.company.hocuspocus(context.server, open, { who: 'ada', socket, token: mine })
  const bad = context.company.hocuspocus(context.server, shut, { who: 'ada', socket, token: mine })
  await Promise.all([good.whenSynced(), until('the other is refused', bad, () => bad.denied.length > 0)])
  good.type('undisturbed')
  bad.type('never')
  await good.whenSaved()
  assert.equal(socket.opened, 1)
  assert.equal((await coldLoad(context.server, shut)).getText('text').length, 0)
})

test('the exact name wins over a prefix, and the longest prefix over a shorter one', async () => {
  const name = fresh('team/plan')
  const rooms = { '*': 'editor', 'team/*': 'viewer', [name]: 'editor' }
  const exact = context.company.hocuspocus(context.server, name, { who: 'ada', token: token('ada', rooms) })
  const prefix = context.company.hocuspocus(context.server, fresh('team/else'), { who: 'ada', token: token('ada', rooms) })
  const rest = context.company.hocuspocus(context.server, fresh(), { who: 'ada', token: token('ada', rooms) })
  await Promise.all([exact, prefix, rest].map((client) => client.whenSynced()))
  assert.deepEqual([exact, prefix, rest].map(({ scopes }) => scopes[0]), ['read-write', 'readonly', 'read-write'])
})

test('a token as a subprotocol opens a y-websocket, and the server selects tandem', async () => {
  const name = fresh()
  const client = context.company.yjs(context.server, name, { who: 'ada', subprotocol: true })
  await client.whenSynced()
  assert.equal(client.socket.protocol, 'tandem')
  client.type('hello')
  await converge(context.server, [client])
})

test('a guest of a development server edits, and two guests are two people', async () => {
  const name = fresh()
  const guests = []
  for (const who of ['Guest One', 'Guest Two']) {
    const response = await context.server.request('POST', '/api/v1/auth/guest', { json: { name: who } })
    assert.equal(response.status, 200)
    guests.push(context.company.hocuspocus(context.server, name, { who, token: response.json().token }))
  }
  await Promise.all(guests.map((guest) => guest.whenSynced()))
  for (const guest of guests) guest.type('x')
  await converge(context.server, guests)
  assert.equal(guests[0].text.length, 2)
})

test('nothing but the answer to Auth is sent for a document before it is authenticated', async () => {
  const name = fresh()
  const author = context.company.hocuspocus(context.server, name, { who: 'author' })
  await author.whenSynced()
  author.type('secret')
  await author.whenSaved()
  const raw = await context.company.raw(Raw.hocuspocus(context.server))
  raw.send(wire.sync(name, wire.STEP1, new Uint8Array([0])))
  raw.send(wire.auth(name, 'not a token'))
  await raw.next('the refusal', (frame) => frame.type === wire.AUTH)
  assert.deepEqual(raw.frames.map(({ type, subtype }) => [type, subtype]), [[wire.AUTH, wire.DENIED]])
})

test('a viewer without presence who holds what a crash lost is not refused, and is saved when its author has brought it', async () => {
  const name = fresh()
  const server = await context.company.server({ FAILPOINTS: 'journal::before-commit=pause' })
  const author = context.company.hocuspocus(server, name, { who: 'author' })
  await author.whenSynced()
  const watching = await context.company.raw(Raw.authenticated(server, name, viewerOf(name)))
  watching.send(wire.sync(name, wire.STEP1, new Uint8Array([0])))
  await watching.next('it is in', ({ type, subtype }) => type === wire.SYNC && subtype === wire.STEP2)
  author.type('only fanned out')
  const { payload } = await watching.next('the edit is fanned out', ({ type, subtype }) => type === wire.SYNC && subtype === wire.UPDATE)
  author.goOffline()
  await server.kill()
  await server.begin({})

  const viewer = await context.company.raw(Raw.authenticated(server, name, viewerOf(name)))
  viewer.send(wire.sync(name, wire.STEP1, new Uint8Array([0])))
  await viewer.next('it is asked', ({ type, subtype }) => type === wire.SYNC && subtype === wire.STEP1)
  viewer.send(wire.sync(name, wire.STEP2, payload))
  const statuses = () => viewer.frames.filter(({ type }) => type === wire.SYNC_STATUS).map(({ status }) => status)
  await throughout('it is neither refused nor acknowledged', viewer, () => statuses().length === 0, 500)
  await author.goOnline()
  await author.whenSaved()
  const asked = () => viewer.frames.filter(({ type, subtype }) => type === wire.SYNC && subtype === wire.STEP1).length
  await until('it is asked again', viewer, () => asked() === 2)
  viewer.send(wire.sync(name, wire.STEP2, payload))
  await until('it is acknowledged', viewer, () => statuses().length > 0)
  assert.deepEqual(statuses(), [1])
})
