// Who is there: presence appears, leaves with its person whatever way they go, and nobody is shown twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { kinds } from './harness/clients.mjs'
import { Company, Raw, Server, fresh, suite, token } from './harness/suite.mjs'
import { throughout, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const context = suite()

const present = (client, name, user) => {
  client.awareness.setLocalStateField('user', { name: user })
  return client
}
const names = (client) => client.others().map(({ user }) => user?.name).filter(Boolean).sort()
const sees = (client, wanted) => until(`${client.who} sees ${JSON.stringify(wanted)}`, client, () => JSON.stringify(names(client)) === JSON.stringify(wanted))

for (const kind of kinds) {
  test(`over ${kind}: presence appears to those who are there and to those who come`, async () => {
    const name = fresh()
    const [ada, ben] = ['ada', 'ben'].map((who) => context.company.join(context.server, kind, name, { who }))
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    present(ada, name, 'Ada')
    await sees(ben, ['Ada'])
    present(ben, name, 'Ben')
    await sees(ada, ['Ben'])
    const late = context.company.join(context.server, kind, name, { who: 'cleo' })
    await sees(late, ['Ada', 'Ben'])
  })

  test(`over ${kind}: a change of presence reaches the others, the newest of many`, async () => {
    const name = fresh()
    const [ada, ben] = ['ada', 'ben'].map((who) => context.company.join(context.server, kind, name, { who }))
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    for (let n = 0; n <= 300; n += 1) ada.awareness.setLocalStateField('cursor', n)
    await until('ben sees the last cursor', ben, () => ben.others().some(({ cursor }) => cursor === 300))
  })

  test(`over ${kind}: presence leaves on a clean close`, async () => {
    const name = fresh()
    const [ada, ben] = ['ada', 'ben'].map((who) => context.company.join(context.server, kind, name, { who }))
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    present(ada, name, 'Ada')
    await sees(ben, ['Ada'])
    ada.goOffline()
    await until('Ada is gone', ben, () => names(ben).length === 0, 1_000)
  })

  test(`over ${kind}: presence leaves within a second when a socket is cut, and comes back with its person`, async () => {
    const name = fresh()
    const proxy = await context.company.proxy(context.server)
    const ada = context.company.join(proxy, kind, name, { who: 'ada' })
    const ben = context.company.join(context.server, kind, name, { who: 'ben' })
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    present(ada, name, 'Ada')
    await sees(ben, ['Ada'])
    proxy.cut()
    await until('Ada is gone', ben, () => names(ben).length === 0, 1_000)
    await until('Ada is connected again', ada, () => ada.opened === 2 && ada.synced)
    // Without the state having changed: its clock is the same as before the cut.
    await until('Ada is there again', ben, () => names(ben).length === 1, 5_000)
  })

  test(`over ${kind}: ten reloads show one cursor`, async () => {
    const name = fresh()
    const ben = context.company.join(context.server, kind, name, { who: 'ben' })
    await ben.whenSynced()
    let ada
    for (let n = 1; n <= 10; n += 1) {
      // A reload ends the page without a word and starts a new one of the same person.
      ada?.cut()
      ada?.destroy()
      ada = context.company.join(context.server, kind, name, { who: 'ada', token: token('ada') })
      ada.awareness.setLocalState({ user: { name: 'Ada' }, reload: n })
    }
    await until('one Ada is left, the last', ben, () => ben.others().length === 1 && ben.others()[0].reload === 10, 5_000)
    await throughout('there is one Ada', ben, () => ben.others().length === 1, 1_000)
  })

  test(`over ${kind}: a connection that comes back while its old socket lingers stays visible when the old one ends`, async () => {
    const name = fresh()
    const proxy = await context.company.proxy(context.server)
    const ada = context.company.join(proxy, kind, name, { who: 'ada' })
    const ben = context.company.join(context.server, kind, name, { who: 'ben' })
    await Promise.all([ada.whenSynced(), ben.whenSynced()])
    present(ada, name, 'Ada')
    await sees(ben, ['Ada'])
    proxy.part()
    await until('Ada is connected again', ada, () => ada.opened === 2 && ada.synced)
    ada.type('on the new socket')
    await until('ben reads it', ben, () => ben.text.toString() === 'on the new socket')
    proxy.release()
    await throughout('Ada stays visible', ben, () => names(ben).length === 1, 1_500)
  })

  test(`over ${kind}: somebody alone is not disconnected for want of messages, with presence or without`, async () => {
    const alone = context.company.join(context.server, kind, fresh(), { who: 'alone' })
    const silent = context.company.join(context.server, kind, fresh(), { who: 'silent', ...(kind === 'hocuspocus' ? { presence: false } : {}) })
    await Promise.all([alone.whenSynced(), silent.whenSynced()])
    if (kind === 'y-websocket') silent.awareness.setLocalState(null)
    // Both clients give up a connection on which no message came for 30 to 33 s.
    await throughout('nobody is closed', [alone, silent], () => alone.closes.length + silent.closes.length === 0, 36_000)
  })
}

test('presence crosses between the two protocols', async () => {
  const name = fresh()
  const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
  const ben = context.company.yjs(context.server, name, { who: 'ben' })
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  present(ada, name, 'Ada')
  present(ben, name, 'Ben')
  await Promise.all([sees(ada, ['Ben']), sees(ben, ['Ada'])])
  ben.destroy()
  await until('Ben is gone', ada, () => names(ada).length === 0, 1_000)
})

test('a provider that is destroyed and made anew in one tick is shown and served as a new one', async () => {
  const name = fresh()
  const socket = context.company.socket(context.server)
  const watcher = context.company.hocuspocus(context.server, name, { who: 'watcher' })
  const first = context.company.hocuspocus(context.server, name, { who: 'ada', socket })
  await Promise.all([first.whenSynced(), watcher.whenSynced()])
  present(first, name, 'first')
  await sees(watcher, ['first'])
  await first.whenSaved()
  first.destroy()
  const second = context.company.hocuspocus(context.server, name, { who: 'ada', socket })
  present(second, name, 'second')
  await sees(watcher, ['second'])
  second.type('still served')
  await second.whenSaved()
  await until('it is read', watcher, () => watcher.text.toString() === 'still served')
})

test('two sessions of one document on one socket are two people', async () => {
  const name = fresh()
  const socket = context.company.socket(context.server)
  const [ada, ben] = ['ada', 'ben'].map((who) => context.company.hocuspocus(context.server, name, { who, socket, sessionAwareness: true }))
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  present(ada, name, 'Ada')
  await sees(ben, ['Ada'])
  ben.type('heard')
  await until('ada reads it', ada, () => ada.text.toString() === 'heard')
  await ben.whenSaved()
})

test('stateless messages reach everybody on the document, their sender included', async () => {
  const name = fresh()
  const [ada, ben] = ['ada', 'ben'].map((who) => context.company.hocuspocus(context.server, name, { who }))
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  ada.provider.sendStateless('hello all')
  await until('both have it', [ada, ben], () => [ada, ben].every(({ stateless }) => stateless.includes('hello all')))
})

test('who is asked for the presence answers, over both protocols', async () => {
  const name = fresh()
  const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
  await ada.whenSynced()
  present(ada, name, 'Ada')
  const raws = [
    [null, await context.company.raw(Raw.yjs(context.server, name, token('raw')))],
    [name, await context.company.raw(Raw.authenticated(context.server, name, token('raw')))]
  ]
  for (const [key, raw] of raws) {
    raw.send(wire.textual(key, wire.QUERY_AWARENESS, null))
    await raw.next('the states', (frame) => frame.type === wire.AWARENESS && frame.entries.some(([id, , state]) => id === ada.doc.clientID && state?.user?.name === 'Ada'))
  }
})

test('a socket that falls silent is not shown for longer than its pings are waited for', async (t) => {
  const company = new Company()
  t.after(() => company.leave())
  const server = await Server.start({ TANDEM__LIMITS__PING_SECONDS: '1', TANDEM__LIMITS__PONG_SECONDS: '1' })
  t.after(() => server.stop())
  const name = fresh()
  const ben = company.yjs(server, name, { who: 'ben' })
  await ben.whenSynced()
  // Reads, but answers no ping, as a machine that was unplugged.
  const silent = await company.raw(Raw.yjs(server, name, token('silent'), { autoPong: false }))
  silent.send(wire.awareness(null, [[4711, 1, { user: { name: 'Silent' } }]]))
  await sees(ben, ['Silent'])
  await until('Silent is gone', ben, () => names(ben).length === 0, 6_000)
  await throughout('ben, who answers, stays', ben, () => ben.closes.length === 0, 3_000)
})
