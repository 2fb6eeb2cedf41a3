// Each refusal as the published clients meet it: told in their own way, counted, and never a circle of reconnects.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import WebSocket from 'ws'
import * as Y from 'yjs'

import { BINARY, Bare } from './harness/bare.mjs'
import { kinds } from './harness/clients.mjs'
import { coldLoad, converge } from './harness/converge.mjs'
import { letters } from './harness/random.mjs'
import { Company, Raw, Server, fresh, token } from './harness/suite.mjs'
import { pause, throughout, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

/** How long a client is watched after its socket was closed, and after one that closed nothing: a circle of either
 * client turns ten times in the first, and four times in the second. */
const CLOSED_MS = 30_000
const OPEN_MS = 10_000

/** Refusals that other files hold. Those before an upgrade are no client's, but the edge's: tests/edge. */
const elsewhere = {
  'host-refused': 'edge', 'origin-refused': 'edge', 'address-full': 'edge',
  'too-large': 'limits', full: 'limits', deleted: 'limits', gone: 'limits', 'too-many-documents': 'limits',
  'read-only': 'rights', quarantined: 'failures'
}

const held = new Set()

/** Tests one refusal, or several. */
const refusal = (names, what, run) => {
  for (const name of [names].flat()) held.add(name)
  test(`${[names].flat().join(', ')}: ${what}`, run)
}

/** A server of the test's own; `clean: false` where a panic is the point. */
const scene = async (t, environment = {}, { clean = true } = {}) => {
  const company = new Company()
  // All clients live in one process, which may answer no ping for seconds while one of them is busy.
  const server = await Server.start({ TANDEM__LIMITS__PONG_SECONDS: '60', ...environment })
  t.after(async () => {
    await company.leave()
    await server.stop({ clean })
  })
  return { company, server }
}

/** A client that is refused and somebody else on the same document who is not to notice. */
const two = async ({ company, server }, kind, how) => {
  const name = fresh()
  const client = company.join(server, kind, name, { who: 'client', ...how })
  const other = company.hocuspocus(server, name, { who: 'other' })
  await Promise.all([client.whenSynced(), other.whenSynced()])
  return [client, other]
}

const bytes = (...values) => new Uint8Array(values)
const key = (client) => client.kind === 'hocuspocus' ? client.key : null
const keyed = (client, ...values) => {
  const text = Buffer.from(key(client) ?? '')
  return key(client) === null ? bytes(...values) : Buffer.concat([Buffer.from([text.length]), text, bytes(...values)])
}

/** Sends on the client's own socket what the client did not write. */
const slip = (client, message) => WebSocket.prototype.send.call(client.socket, message)

const counted = async (server, reason, least = 1) => {
  let count = 0
  for (let tries = 0; tries < 200 && count < least; tries += 1) {
    count = await server.metric('tandem_refusals_total', { reason })
    if (count < least) await pause(100)
  }
  assert.ok(count >= least, `${reason} was counted ${count} times, not ${least}`)
}

/** Whatever its user still does, the client does not come back more than twice. */
const calm = async (client, before = 1) => {
  for (let n = 0; n < 5; n += 1) client.type(`edit ${n}. `)
  const within = client.closes.length > 0 ? CLOSED_MS : OPEN_MS
  await throughout(`${client.who} reconnects at most twice`, client, () => client.tried - before <= 2, within)
}

const undisturbed = async (other) => {
  other.type('undisturbed. ')
  await other.whenSaved()
  assert.deepEqual(other.closes, [])
}

/** A refusal that ends a y-websocket for good and a provider's document, on a socket that stays. */
const final = async (client, { code, reason }) => {
  if (client.kind === 'y-websocket') {
    await until(`${client.who} is closed for good`, client, () => client.terminal)
    assert.deepEqual(client.terminal, { code, reason })
  } else {
    await until(`${client.who} is refused`, client, () => client.denied.length > 0)
    assert.deepEqual(client.denied, [reason])
  }
}

describe('refusals', { concurrency: 8 }, () => {
  refusal(['name-not-allowed', 'unauthenticated', 'token-expired', 'forbidden', 'not-open'], 'what a reconnect cannot mend is said once, and nobody comes back', async (t) => {
    const { company, server } = await scene(t, { TANDEM__AUTH__LEEWAY_SECONDS: '0' })
    const clients = []
    for (const kind of kinds) {
      const bad = kind === 'hocuspocus' ? 'a\u0001b' : 'a%01b'
      const named = [
        [bad, token('someone'), 4422, 'name-not-allowed'],
        [fresh(), 'no token', 4401, 'permission-denied'],
        [fresh(), token('someone', { '*': 'editor' }, { seconds: -60 }), 4401, 'token-expired'],
        [fresh(), token('someone', { elsewhere: 'owner' }), 4403, 'permission-denied']
      ]
      for (const [name, credential, code, reason] of named) {
        const client = company.join(server, kind, name, { who: `${kind} ${reason} ${code}`, token: credential })
        clients.push([client, { code, reason }])
      }
    }
    for (const [client, told] of clients) await final(client, told)
    await Promise.all(clients.map(([client]) => calm(client)))
    for (const [client] of clients) {
      // A provider none of whose documents is open comes back when its socket has waited `limits.auth_seconds` for one.
      assert.ok(client.tried <= (client.kind === 'hocuspocus' ? 2 : 1), `${client.who} tried ${client.tried} times`)
      assert.equal(client.synced, false)
    }
    for (const reason of ['name-not-allowed', 'unauthenticated', 'token-expired', 'forbidden']) await counted(server, reason, 2)
    await counted(server, 'not-open')
  })

  refusal('auth-timeout', 'a provider whose token never comes is told so, and comes back no faster than that', async (t) => {
    const { company, server } = await scene(t, { TANDEM__LIMITS__AUTH_SECONDS: '16', TANDEM__LIMITS__FIRST_BYTE_SECONDS: '10' })
    const client = company.hocuspocus(server, fresh(), { who: 'waiting', token: () => new Promise(() => {}) })
    await until('it is closed', client, () => client.closes.length > 0)
    assert.deepEqual([client.closes[0].code, client.closes[0].reason], [4408, 'auth-timeout'])
    await calm(client)
    await counted(server, 'auth-timeout')
    assert.equal(await server.metric('tandem_refusals_total', { reason: 'dead' }), 0)
  })

  refusal('dead', 'a token that takes longer than a silent socket may be silent is waited for', async (t) => {
    const { company, server } = await scene(t, { TANDEM__LIMITS__FIRST_BYTE_SECONDS: '8' })
    const name = fresh()
    const slow = () => pause(10_000).then(() => token('slow'))
    const client = company.hocuspocus(server, name, { who: 'slow', token: slow })
    client.type('written meanwhile')
    await client.whenSaved()
    assert.deepEqual([client.tried, client.closes], [1, []])
    // A peer whose WebSocket answers nothing is cut.
    const raw = await company.raw(Raw.hocuspocus(server, { autoPong: false }))
    assert.equal((await raw.whenEnded()).code, 1006)
    await counted(server, 'dead')
  })

  for (const kind of kinds) {
    refusal('dead', `over ${kind}: who no longer answers is cut, and comes back once`, async (t) => {
      const { company, server } = await scene(t, { TANDEM__LIMITS__PING_SECONDS: '2', TANDEM__LIMITS__PONG_SECONDS: '4' })
      const proxy = await company.proxy(server)
      const client = company.join(proxy, kind, fresh(), { who: 'client' })
      await client.whenSynced()
      proxy.part()
      await until('it is back', client, () => client.opened === 2 && client.synced)
      await counted(server, 'dead')
      await calm(client)
    })

    refusal('slow', `over ${kind}: who accepts nothing is cut, and comes back once`, async (t) => {
      const { company, server } = await scene(t, { TANDEM__LIMITS__STALL_SECONDS: '2' })
      const name = fresh()
      const proxy = await company.proxy(server)
      const client = company.join(proxy, kind, name, { who: 'slow' })
      const writer = company.hocuspocus(server, name, { who: 'writer' })
      await Promise.all([client.whenSynced(), writer.whenSynced()])
      proxy.freeze()
      const block = letters(64 * 1024)
      for (let n = 0; n < 400; n += 1) {
        writer.doc.getMap('block').set('newest', `${n} ${block}`)
        if (n % 20 === 0) await writer.whenSaved(60_000)
      }
      await counted(server, 'slow')
      proxy.thaw()
      await until('it is back', client, () => client.opened === 2 && client.synced, 60_000)
      await converge(server, [client, writer], { milliseconds: 60_000 })
      await calm(client)
      assert.equal(client.tried, 2)
    })

    refusal('draining', `over ${kind}: a node that stops says so, and its clients find it again`, async (t) => {
      const { company, server } = await scene(t)
      const client = company.join(server, kind, fresh(), { who: 'client' })
      await client.whenSynced()
      assert.equal((await server.terminate()).code, 0)
      await until('it is closed', client, () => client.closes.length > 0)
      const { code, reason } = client.closes[0]
      assert.deepEqual([code, reason], [kind === 'hocuspocus' ? 1012 : 4503, 'draining'])
      await server.begin()
      await until('it is back', client, () => client.synced)
      await calm(client, client.tried)
    })

    refusal('internal', `over ${kind}: a session that breaks is one connection, and its client resumes`, async (t) => {
      const broken = await scene(t, { FAILPOINTS: 'session::frame=30*off->1*panic->off' }, { clean: false })
      const [client, other] = await two(broken, kind)
      let written = 0
      while (client.closes.length + other.closes.length === 0) {
        client.type(`${written += 1} `)
        await until('it is heard, or somebody is cut', [client, other], () =>
          other.text.length === client.text.length || client.closes.length + other.closes.length > 0)
      }
      await until('both are in', [client, other], () => client.synced && other.synced)
      await converge(broken.server, [client, other])
      await counted(broken.server, 'internal')
      await calm(client, client.tried)
      assert.equal(client.closes.length + other.closes.length, 1)
    })

    refusal('broken-websocket', `over ${kind}: a violated WebSocket ends, and its client comes back once`, async (t) => {
      const ours = await scene(t)
      const [client, other] = await two(ours, kind)
      client.socket._socket.write(Buffer.from([0xff, 0xff, 0xff]))
      await until('it is closed', client, () => client.closes.length > 0)
      assert.equal(client.closes[0].code, 1002)
      await until('it is back', client, () => client.synced)
      await counted(ours.server, 'broken-websocket')
      await calm(client)
      assert.equal(client.tried, 2)
      await undisturbed(other)
    })

    const mistakes = { 'bad-frame': [0, 2], 'protocol-mistake': kind === 'hocuspocus' ? [6, 1, 0x61] : 'text' }
    for (const [reason, body] of Object.entries(mistakes)) {
      refusal(reason, `over ${kind}: it ends the document for good, and no circle begins`, async (t) => {
        const ours = await scene(t)
        const [client, other] = await two(ours, kind)
        slip(client, body === 'text' ? body : keyed(client, ...body))
        if (kind === 'hocuspocus') await until('the provider is told', client, () => !client.provider.isSynced)
        else await final(client, { code: 4400, reason })
        await counted(ours.server, reason)
        await calm(client)
        assert.equal(client.tried, 1)
        await undisturbed(other)
      })
    }

    for (const when of ['while it is connected', 'while it is offline']) {
      refusal('oversized', `over ${kind}: content beyond what is skipped, written ${when}, is not asked for again`, async (t) => {
        const { company, server } = await scene(t, { TANDEM__LIMITS__MESSAGE_BYTES: '300000', TANDEM__LIMITS__SKIP_BYTES: '1000000' })
        const name = fresh()
        const client = company.join(server, kind, name, { who: 'client', connect: when !== 'while it is offline' })
        const other = company.hocuspocus(server, name, { who: 'other' })
        await other.whenSynced()
        if (client.tried > 0) await client.whenSynced()
        client.doc.getText('large').insert(0, letters(3_000_000))
        if (client.tried === 0) client.goOnline()
        await until('it is closed', client, () => client.closes.length > 0)
        assert.equal(client.closes[0].code, 1009)
        await until('it is back', client, () => client.opened === 2 && client.synced)
        await counted(server, 'oversized')
        await calm(client)
        await undisturbed(other)
        await until('it goes on reading', client, () => client.text.toString().includes('undisturbed. '))
        assert.equal((await coldLoad(server, name)).getText('large').length, 0)
      })
    }

    refusal('oversized', `over ${kind}: a long state vector and a paste before the answer to the token are no reason to close`, async (t) => {
      // Loads take a while, so that the client's first frames are there before its document is.
      const { company, server } = await scene(t, { FAILPOINTS: 'journal::handle=4*sleep(500)->off' })
      const name = fresh()
      const doc = new Y.Doc()
      Y.applyUpdate(doc, wire.manyAuthors(20_000))
      assert.equal(doc.getMap('authors').size, 20_000)
      assert.ok(Y.encodeStateVector(doc).length > 100_000)
      const client = company.join(server, kind, name, { who: 'client', doc, connect: false })
      client.goOnline()
      await until('it has opened', client, () => client.opened === 1)
      // Not answered yet: an Update of its own, beyond what is kept.
      client.doc.getText('paste').insert(0, letters(200_000))
      await client.whenSynced()
      if (kind === 'hocuspocus') await client.whenSaved()
      await converge(server, [client])
      assert.equal((await coldLoad(server, name)).getText('paste').length, 200_000)
      await calm(client)
      assert.deepEqual([client.tried, client.closes], [1, []])
      assert.equal(await server.metric('tandem_refusals_total', { reason: 'oversized' }), 0)
    })

    refusal('bad-update', `over ${kind}: it is told, and everything goes on`, async (t) => {
      const ours = await scene(t)
      const [client, other] = await two(ours, kind)
      slip(client, wire.sync(key(client), wire.UPDATE, bytes(1, 1, 1, 0, 31, 1, 1, 0x74)))
      await until('it is told', client, () => kind === 'hocuspocus' ? client.acks.refused === 1 : client.denied.includes('bad-update'))
      await counted(ours.server, 'bad-update')
      await calm(client)
      assert.equal(client.tried, 1)
      await undisturbed(other)
    })

    refusal('bad-update', `over ${kind}: structs that need one another are refused as what they are`, async (t) => {
      const ours = await scene(t)
      const [client, other] = await two(ours, kind)
      slip(client, wire.sync(key(client), wire.UPDATE, bytes(2, 1, 2, 0, 0x84, 1, 0, 1, 0x61, 1, 1, 0, 0x84, 2, 0, 1, 0x62, 0)))
      await until('it is told', client, () => kind === 'hocuspocus' ? client.acks.refused === 1 : client.denied.includes('bad-update'))
      await counted(ours.server, 'bad-update')
      assert.equal(await ours.server.metric('tandem_updates_refused_total', { reason: 'cycle' }), 1)
      await calm(client)
      await undisturbed(other)
    })

    if (kind === 'hocuspocus') {
      refusal('bad-update', 'over hocuspocus: what stands upon a refused edit is refused with it, and no status is owed for ever', async (t) => {
        const ours = await scene(t)
        const [client, other] = await two(ours, kind)
        let deep = 1
        for (let depth = 0; depth < 80; depth += 1) deep = [deep]
        client.doc.getMap('values').set('deep', deep)
        await until('the first is refused', client, () => client.acks.refused === 1)
        client.type('upon it. ')
        await until('the second is refused', client, () => client.acks.refused === 2)
        client.type('and again. ')
        await until('the third is refused', client, () => client.acks.refused === 3)
        await undisturbed(other)
      })
    }

    refusal('forged', `over ${kind}: it is told, and everything goes on`, async (t) => {
      const ours = await scene(t)
      const [client, other] = await two(ours, kind)
      other.type('mine. ')
      await other.whenSaved()
      const twin = new Y.Doc()
      Y.applyUpdate(twin, Y.encodeStateAsUpdate(other.doc))
      twin.clientID = other.doc.clientID
      const before = Y.encodeStateVector(twin)
      twin.getText('text').insert(0, 'not mine. ')
      slip(client, wire.sync(key(client), wire.UPDATE, Y.encodeStateAsUpdate(twin, before)))
      await until('it is told', client, () => kind === 'hocuspocus' ? client.acks.refused > 0 : client.denied.includes('forged'))
      await counted(ours.server, 'forged')
      await calm(client)
      assert.equal(client.tried, 1)
      await undisturbed(other)
      assert.ok(!other.text.toString().includes('not mine'))
    })

    refusal('incomplete', `over ${kind}: an edit whose causes nobody has is refused after three answers, later ones flow`, async (t) => {
      const { company, server } = await scene(t)
      const name = fresh()
      const author = new Y.Doc()
      author.getText('text').insert(0, 'lost with its author')
      const before = Y.encodeStateVector(author)
      author.getText('text').insert(0, 'built on it: ')
      const doc = new Y.Doc()
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(author, before))
      assert.ok(doc.store.pendingStructs, 'the client does not lack anything')
      const client = company.join(server, kind, name, { who: 'client', doc })
      await until('it is told', client, () => kind === 'hocuspocus' ? client.acks.refused > 0 : client.denied.includes('incomplete'))
      await counted(server, 'incomplete')
      const other = company.hocuspocus(server, name, { who: 'other' })
      await other.whenSynced()
      client.type('on its own')
      await until('what comes later flows', other, () => other.text.toString() === 'on its own')
      await calm(client)
      assert.equal(client.tried, 1)
      await undisturbed(other)
    })

    refusal(['presence-refused', 'presence-foreign'], `over ${kind}: presence that is not taken closes nothing`, async (t) => {
      const ours = await scene(t)
      const [client, other] = await two(ours, kind)
      other.awareness.setLocalState({ user: 'other' })
      client.awareness.setLocalState({ user: 'client' })
      await until('both are seen', [client, other], () =>
        client.others().some(({ user }) => user === 'other') && other.others().some(({ user }) => user === 'client'))
      slip(client, wire.awareness(key(client), [[other.doc.clientID, 1_000, { user: 'puppet' }]]))
      await counted(ours.server, 'presence-foreign')
      client.awareness.setLocalStateField('large', letters(5_000))
      await counted(ours.server, 'presence-refused')
      client.awareness.setLocalState({ user: 'client, smaller' })
      await until('what comes later is seen', other, () => other.others().some(({ user }) => user === 'client, smaller'))
      assert.ok(!client.others().some(({ user }) => user === 'puppet'))
      await calm(client)
      assert.equal(client.tried, 1)
      await undisturbed(other)
    })

    refusal('stalled', `over ${kind}: a message that is announced and does not come is given up, and its client comes back once`, async (t) => {
      const ours = await scene(t, { TANDEM__LIMITS__MESSAGE_STALL_SECONDS: '1', TANDEM__LIMITS__INBOUND_BYTES: '1048576' })
      const [client, other] = await two(ours, kind)
      // The whole budget of the node, and then silence.
      client.socket._socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4]))
      await until('it is closed', client, () => client.closes.length > 0)
      assert.deepEqual([client.closes[0].code, client.closes[0].reason], [4508, 'stalled'])
      await until('it is back', client, () => client.synced)
      await counted(ours.server, 'stalled')
      other.doc.getText('large').insert(0, letters(500_000))
      await other.whenSaved()
      await calm(client)
      assert.equal(client.tried, 2)
      await undisturbed(other)
    })
  }

  refusal(['bad-frame'], 'a provider whose frame names no document comes back once', async (t) => {
    const ours = await scene(t)
    const [client, other] = await two(ours, 'hocuspocus')
    slip(client, bytes(0xff, 0xff, 0xff))
    await until('it is closed', client, () => client.closes.length > 0)
    assert.deepEqual([client.closes[0].code, client.closes[0].reason], [4400, 'bad-frame'])
    await until('it is back', client, () => client.synced)
    await calm(client)
    assert.equal(client.tried, 2)
    await undisturbed(other)
  })

  refusal('flood', 'over y-websocket: a client that asks without end is sent away for good', async (t) => {
    const { company, server } = await scene(t)
    const client = company.yjs(server, fresh(), { who: 'asking', resyncInterval: 2 })
    await final(client, { code: 4429, reason: 'flood' })
    await counted(server, 'flood')
    await calm(client)
    assert.equal(client.tried, 1)
  })

  refusal('flood', 'over hocuspocus: a document that is asked for without end is closed, the others on its socket go on', async (t) => {
    const { company, server } = await scene(t)
    const socket = company.socket(server)
    const [asking, other] = ['asking', 'other'].map((who) => company.hocuspocus(server, fresh(who), { who, socket }))
    await Promise.all([asking.whenSynced(), other.whenSaved()])
    const reasons = []
    asking.provider.on('close', ({ event }) => reasons.push(event.reason))
    for (let n = 0; n < 300; n += 1) asking.provider.forceSync()
    await until('the provider is told', asking, () => reasons.length > 0)
    assert.deepEqual(reasons, ['flood'])
    await counted(server, 'flood')
    for (let n = 0; n < 300; n += 1) asking.provider.forceSync()
    await calm(asking)
    assert.equal(asking.tried, 1)
    await undisturbed(other)
  })

  refusal('journal-full', 'edits wait, nobody is closed, and all are acknowledged in the end', async (t) => {
    const { company, server } = await scene(t, {
      FAILPOINTS: 'journal::before-commit=10*sleep(200)->off',
      TANDEM__LIMITS__JOURNAL_BYTES: '200000',
      TANDEM__LIMITS__JOURNAL_ROOM_BYTES: '50000'
    })
    const name = fresh()
    const clients = kinds.map((kind) => company.join(server, kind, name, { who: kind }))
    await Promise.all(clients.map((client) => client.whenSynced()))
    for (let n = 0; n < 60; n += 1) for (const client of clients) client.type(letters(5_000, n))
    await clients[1].whenSaved(60_000)
    await converge(server, clients, { milliseconds: 60_000 })
    await counted(server, 'journal-full')
    for (const client of clients) assert.deepEqual([client.tried, client.closes], [1, []])
    assert.equal(clients[1].acks.refused, 0)
  })

  refusal('unavailable', 'a document that is down keeps its clients waiting, not coming, and takes nothing else down', async (t) => {
    const { company, server } = await scene(t, { FAILPOINTS: 'room::apply=3*off->6*panic->off' }, { clean: false })
    const name = fresh('down')
    const socket = company.socket(server)
    const provider = company.hocuspocus(server, name, { who: 'provider', socket })
    const other = company.hocuspocus(server, fresh('other'), { who: 'other', socket })
    const yjs = company.yjs(server, name, { who: 'y-websocket' })
    // Three answers to our first questions are taken; from the first edit on the room falls until its document is down.
    await Promise.all([provider.whenSaved(), other.whenSaved(), yjs.whenSynced()])
    await until('the third is taken', yjs, () => yjs.heard[0] > 0)
    provider.type('before it was down. ')
    await counted(server, 'unavailable', 2)
    // From here on nothing panics; the document stays down for 30 s.
    const late = company.hocuspocus(server, name, { who: 'late', socket: company.socket(server) })
    await until('a newcomer is told', late, () => late.stateless.length > 0)
    assert.deepEqual(late.stateless, ['{"code":"unavailable"}'])
    provider.type('while it was down. ')
    yjs.type('here too. ')
    late.type('and here. ')
    await undisturbed(other)
    await throughout('nobody storms', [provider, yjs, late], () =>
      socket.opened === 1 && late.tried === 1 && yjs.tried <= 3, CLOSED_MS)
    await until('all are in', [provider, yjs, late], () => [provider, yjs, late].every(({ synced }) => synced), 60_000)
    await Promise.all([provider.whenSaved(60_000), late.whenSaved(60_000)])
    await converge(server, [provider, yjs, late], { milliseconds: 60_000 })
    for (const text of ['before it was down', 'while it was down', 'here too', 'and here']) {
      assert.ok(provider.text.toString().includes(text), text)
    }
    assert.equal(socket.opened, 1)
  })
})

test('a client that writes all it has before it reads learns why it is refused', async (t) => {
  const { server, company } = await scene(t)
  const bare = company.keep(new Bare(server, `/yjs/${fresh('busy')}?token=nonsense`))
  await bare.opened()
  bare.pause()
  const piece = new Uint8Array(4 * 1024 * 1024)
  const written = new Promise((resolve, reject) => {
    bare.socket.once('error', reject)
    for (let n = 0; n < 4; n += 1) bare.send(BINARY, piece)
    bare.socket.write('', resolve)
  })
  await written
  bare.resume()
  await until('it is told', bare, () => bare.code)
  assert.equal(bare.code, 4401)
})

test('every refusal of the document has its test', () => {
  const here = new URL('.', import.meta.url)
  const document = readFileSync(fileURLToPath(new URL('../../docs/PROTOCOLS.md', here)), 'utf8')
  const table = document.split('<!-- refusals: begin')[1].split('<!-- refusals: end')[0]
  const names = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
  assert.ok(names.length > 30, `${names.length} refusals`)
  assert.deepEqual(names.filter((name) => !held.has(name) && !(name in elsewhere)), [])
  for (const [name, file] of Object.entries(elsewhere)) {
    assert.ok(names.includes(name), `${name} is no refusal any more`)
    if (file === 'edge') continue
    const text = readFileSync(fileURLToPath(new URL(`${file}.test.mjs`, here)), 'utf8')
    assert.ok(text.includes(`reason: '${name}'`), `${file} does not look whether ${name} is counted`)
  }
})
