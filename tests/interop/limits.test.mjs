// At a limit: the typed refusal, no storm of reconnects, and everybody and everything else goes on.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { kinds } from './harness/clients.mjs'
import { coldLoad } from './harness/converge.mjs'
import { letters } from './harness/random.mjs'
import { Company, Server, fresh, token } from './harness/suite.mjs'
import { throughout, until } from './harness/until.mjs'

const WATCHED_MS = 30_000

/** Servers and companies of the tests of this file, which run at the same time, since most of it is watching. */
const scene = async (t, environment) => {
  const company = new Company()
  // Who pushes 40 MB through one process may answer no ping for seconds.
  const server = await Server.start({ TANDEM__LIMITS__PONG_SECONDS: '60', ...environment })
  t.after(async () => {
    await company.leave()
    await server.stop()
  })
  return { company, server }
}

const told = (client, code) => client.kind === 'hocuspocus'
  ? client.acks.refused > 0 && client.stateless.some((payload) => JSON.parse(payload).code === code)
  : client.denied.includes(code)

const counted = async (server, labels) =>
  assert.ok(await server.metric('tandem_refusals_total', labels) > 0, `${labels.reason} is not counted`)

const calm = (client) => throughout(`${client.who} reconnects at most twice`, client, () => client.tried <= 3, WATCHED_MS)

describe('at a limit', { concurrency: 6 }, () => {
  for (const kind of kinds) {
    test(`over ${kind}: a 40 MB update is refused as too-large, and everything else goes on`, async (t) => {
      const { company, server } = await scene(t)
      const name = fresh('large')
      const large = company.join(server, kind, name, { who: 'large' })
      const other = company.hocuspocus(server, name, { who: 'other' })
      await Promise.all([large.whenSynced(), other.whenSynced()])
      large.doc.getText('large').insert(0, letters(40_000_000))
      await until('the author is told', large, () => told(large, 'too-large'), 60_000)
      await counted(server, { reason: 'too-large' })
      other.type('goes on. ')
      await other.whenSaved()
      await until('the author goes on reading', large, () => large.text.toString() === 'goes on. ')
      await calm(large)
      assert.deepEqual(other.closes, [])
      const cold = await coldLoad(server, name)
      assert.equal(cold.getText('large').length, 0)
      assert.equal(cold.getText('text').toString(), 'goes on. ')
    })

    test(`over ${kind}: a full document refuses new content, takes deletions, and goes on being read`, async (t) => {
      const { company, server } = await scene(t, { TANDEM__LIMITS__DOCUMENT_BYTES: '1000000' })
      const name = fresh('full')
      const writer = company.join(server, kind, name, { who: 'writer' })
      const reader = company.hocuspocus(server, name, { who: 'reader' })
      await Promise.all([writer.whenSynced(), reader.whenSynced()])
      let written = 0
      while (written < 20 && !told(writer, 'too-large')) {
        writer.type(letters(100_000, written))
        written += 1
        await until('it is taken or refused', [writer, reader], () => reader.text.length >= written * 100_000 || told(writer, 'too-large'))
      }
      assert.ok(told(writer, 'too-large'), 'the document never filled')
      await counted(server, { reason: 'full' })
      const held = reader.text.length
      reader.text.delete(0, 50_000)
      await reader.whenSaved()
      await until('the deletion is seen by the writer', writer, () => writer.text.length === written * 100_000 - 50_000)
      await calm(writer)
      assert.deepEqual(reader.closes, [])
      assert.equal((await coldLoad(server, name)).getText('text').length, held - 50_000)
    })

    test(`over ${kind}: a deleted name used again stays free of the old content when an old client returns`, async (t) => {
      const { company, server } = await scene(t)
      const name = fresh('deleted')
      const old = company.join(server, kind, name, { who: 'old' })
      const mirror = company.hocuspocus(server, name, { who: 'mirror' })
      await Promise.all([old.whenSynced(), mirror.whenSynced()])
      old.type('the old content')
      await until('it is held', mirror, () => mirror.text.length > 0)
      await mirror.whenSaved()
      old.goOffline()
      mirror.destroy()
      await until('the old client is away', old, () => old.closes.length > 0)
      const triedBefore = old.tried

      const owner = token('owner', { [name]: 'owner' })
      assert.equal((await server.request('DELETE', `/api/v1/documents/${name}`, { token: owner })).status, 204)
      const newcomer = company.hocuspocus(server, name, { who: 'newcomer' })
      await newcomer.whenSynced()
      assert.equal(newcomer.text.toString(), '')
      newcomer.type('the new content')
      await newcomer.whenSaved()

      old.goOnline()
      await until('the old client is told', old, () => told(old, 'deleted'))
      await counted(server, { reason: 'deleted' })
      old.type(', more of it')
      await until('it reads the new content', old, () => old.text.toString().includes('the new content'))
      await throughout('it reconnects at most twice', old, () => old.tried - triedBefore <= 3, WATCHED_MS)
      assert.equal(newcomer.text.toString(), 'the new content')
      assert.equal((await coldLoad(server, name)).getText('text').toString(), 'the new content')
      await server.restart()
      assert.equal((await coldLoad(server, name)).getText('text').toString(), 'the new content')
    })

    test(`over ${kind}: a document deleted under its clients closes them for it, and nobody storms back`, async (t) => {
      const { company, server } = await scene(t)
      const name = fresh('gone')
      const client = company.join(server, kind, name, { who: 'client' })
      await client.whenSynced()
      client.type('content')
      await until('it is stored', client, () => kind !== 'hocuspocus' || client.saved)
      const owner = token('owner', { [name]: 'owner' })
      assert.equal((await server.request('DELETE', `/api/v1/documents/${name}`, { token: token('editor') })).status, 404)
      assert.equal((await server.request('DELETE', `/api/v1/documents/${name}`, { token: owner })).status, 204)
      if (kind === 'hocuspocus') {
        await until('the provider is told', client, () => !client.provider.isSynced)
        // It stays on its socket; what it writes now is not stored under the name.
        client.type('too late')
      } else {
        await until('the socket is closed for good', client, () => client.terminal)
        assert.deepEqual(client.terminal, { code: 4410, reason: 'deleted' })
      }
      await counted(server, { reason: 'gone' })
      await calm(client)
      assert.equal(client.tried, 1)
      assert.equal((await coldLoad(server, name)).getText('text').length, 0)
    })
  }

  test('a burst of edits above the pace of a session is slowed, not refused and not lost', async (t) => {
    const { company, server } = await scene(t, { TANDEM__LIMITS__SESSION_FRAMES_PER_SECOND: '200', TANDEM__LIMITS__SESSION_FRAMES_BURST: '400' })
    const name = fresh('burst')
    const fast = company.hocuspocus(server, name, { who: 'fast' })
    await fast.whenSaved()
    const begun = Date.now()
    for (let n = 0; n < 1_400; n += 1) fast.type('x')
    await fast.whenSaved(60_000)
    assert.ok(Date.now() - begun > 3_000, 'nothing was slowed')
    assert.equal(fast.acks.refused, 0)
    assert.equal(fast.closes.length, 0)
    assert.equal((await coldLoad(server, name)).getText('text').length, 1_400)
  })

  test('a document beyond those that a socket may carry is refused, the others go on', async (t) => {
    const { company, server } = await scene(t, { TANDEM__LIMITS__DOCUMENTS_PER_SOCKET: '5' })
    const socket = company.socket(server)
    const clients = Array.from({ length: 6 }, (_, n) => company.hocuspocus(server, fresh(`d${n}`), { who: 'ada', socket }))
    await until('one is refused', clients, () => clients.some(({ denied }) => denied.length > 0))
    await until('five are served', clients, () => clients.filter(({ synced }) => synced).length === 5)
    assert.deepEqual(clients.flatMap(({ denied }) => denied), ['too-many-documents'])
    await counted(server, { reason: 'too-many-documents' })
    for (const client of clients) client.type('x')
    await throughout('nobody comes back', clients, () => socket.opened === 1, 5_000)
    assert.equal(socket.opened, 1)
  })
})
